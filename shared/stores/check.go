package stores

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/keywrap"
	"passbook/shared/origin"
	"passbook/shared/segment"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// checkTimeout bounds a check.
const checkTimeout = 5 * time.Minute

// newestEntries is how many of a segment's newest entries are looked up in the journal.
const newestEntries = 16

// The commands that end a disagreement.
const (
	claimCommand   = "bank archive claim --yes"
	restoreCommand = "replay journal"
)

// Set has the stores of a bank. Table, Bucket and Stream are required.
type Set struct {
	Table   table.Table
	Streams stream.Stream
	Bucket  bucket.Bucket
	// Keys wraps the bank's data keys. A check that sees the archive alone needs none.
	Keys keywrap.Wrapper
	// Stream is the name of the event stream, with the deployment's prefix. Archiver is the name of
	// the consumer that archives it.
	Stream, Archiver string
	// OneDatabase means that table and stream are one database, used by this process alone: they
	// are restored from a copy only together, and then the stream may assign sequence numbers
	// again, which Kinesis never does.
	OneDatabase bool
	// Log gets what was written; nil means slog.Default.
	Log *slog.Logger
}

// Disagreement is the error of stores that do not belong together, or of one that is not as the
// others know it. Nothing was changed.
type Disagreement struct {
	// What tells what is wrong, in one line; Next is the command that resolves it.
	What, Next string
}

// Error returns what is wrong.
func (d *Disagreement) Error() string { return d.What }

// facts are what every check reads first.
type facts struct {
	ownership
	// archived means that the bucket has a segment, empty that the journal has no account.
	archived, empty bool
}

// fresh reports whether nothing was ever written to journal and archive.
func (f facts) fresh() bool { return f.empty && !f.archived }

func (s Set) facts(ctx context.Context) (f facts, err error) {
	f.ownership, err = s.ownership(ctx)
	if err != nil {
		return f, err
	}
	f.archived, err = s.archived(ctx)
	if err != nil {
		return f, err
	}
	f.empty, err = journal.NewReader(s.Table).Empty(ctx)
	return f, err
}

// Begin checks the stores for a program that will serve or archive. It ties an archive to its bank
// if it is proven to be empty, or proven to be this bank's.
func (s Set) Begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	f, err := s.facts(ctx)
	if err == nil {
		err = s.usable(ctx, f)
	}
	if err == nil && f.archived {
		err = s.checkCurrent(ctx)
	}
	if err != nil {
		return err
	}
	if !f.agreed() {
		err = s.tie(ctx, f.ownership, f.fresh())
		if err != nil {
			return err
		}
		s.log().Info("the archive is tied to its bank", "object", OwnerKey)
	}
	return s.copyKeys(ctx)
}

// copyKeys copies the bank's data keys into the bucket, so that an archive whose tables were lost
// can be checked.
func (s Set) copyKeys(ctx context.Context) error {
	bank, err := s.readBank(ctx)
	if err != nil || bank.Format < 2 {
		return err
	}
	err = bank.CheckCurrent(ctx, s.Table, s.Bucket, s.Keys)
	if err != nil {
		return err
	}
	return origin.CopyKeys(ctx, s.Table, s.Bucket, bank.ID, bank.Key)
}

// Check checks the stores for a job that needs the journal and the archive. It ties nothing.
func (s Set) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	f, err := s.facts(ctx)
	if err != nil {
		return err
	}
	return s.usable(ctx, f)
}

// CheckOwner checks that the archive is this bank's, for a job that may find the journal lost.
func (s Set) CheckOwner(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	f, err := s.facts(ctx)
	if err != nil {
		return err
	}
	return s.owned(ctx, f)
}

// usable checks that the archive is this bank's and that the journal was not lost.
func (s Set) usable(ctx context.Context, f facts) error {
	err := s.checkForeign(f.ownership)
	if err != nil {
		return err
	}
	if f.archived && f.empty {
		return s.journalLost()
	}
	err = s.owned(ctx, f)
	if err != nil || f.bank.Format != 1 {
		return err
	}
	known, err := origin.Recover(ctx, s.Bucket, s.Keys, f.bank.ID)
	if err != nil && ctx.Err() == nil { // what others may put there must not stop a bank
		s.log().Warn("the bucket has data keys or manifests that cannot be used; by its tables the bank was never switched", "error", err)
		return nil
	}
	if err == nil && known.Heads != "" {
		err = &Disagreement{
			What: fmt.Sprintf("these tables are an older copy than the archive: they are of a bank with entries of format 1, which was switched to format %d since", known.Format),
			Next: restoreCommand + " restores them from the archive",
		}
	}
	return err
}

// owned checks that the archive is this bank's. A journal without an account can only prove it by
// the stream's name.
func (s Set) owned(ctx context.Context, f facts) error {
	err := s.checkForeign(f.ownership)
	if err != nil || f.agreed() {
		return err
	}
	switch {
	case f.archived && f.empty:
		_, err := s.ownSegments(ctx)
		return err
	case f.archived:
		return s.proveOwner(ctx)
	case f.owner != nil: // and these tables know of no bank
		return &Disagreement{
			What: fmt.Sprintf("the archive belongs to bank %s, and these tables to no bank yet", f.owner.Bank),
			Next: "name another archive with --bucket or --data to begin a new bank; if it is this bank's nevertheless, confirm it: " + claimCommand,
		}
	}
	return nil
}

// journalLost returns the Disagreement of a journal without an account beside an archive that has
// some.
func (s Set) journalLost() error {
	return &Disagreement{
		What: "the journal is empty, but the archive is not: a bank that begins here would assign its versions a second time",
		Next: restoreCommand + " restores the journal from the archive; a new bank takes another --bucket or --data",
	}
}

// CheckStream checks that the archive is of this bank's stream, for a job that sees the archive
// alone. Set needs no table for it.
func (s Set) CheckStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	owner, err := ReadOwner(ctx, s.Bucket)
	if err != nil {
		return err
	}
	if owner == nil {
		_, err = s.ownSegments(ctx)
		return err
	}
	return s.checkForeign(ownership{owner: owner})
}

// CheckWriter checks the tables for a program that writes to the journal and does not see the
// archive: they must be tied to a bank, and the journal must not be lost. If something was
// archived, the journal had an entry.
func (s Set) CheckWriter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	bank, err := s.readBank(ctx)
	if err != nil {
		return err
	}
	if bank.ID == "" {
		return &Disagreement{
			What: "these tables belong to no bank yet",
			Next: "start the archiver, or run: bank resources --store aws; either ties the tables to their archive once",
		}
	}
	empty, err := journal.NewReader(s.Table).Empty(ctx)
	if err != nil || !empty {
		return err
	}
	at, err := consumer.Checkpoints(ctx, s.Table, s.Stream, s.Archiver)
	if err != nil {
		return err
	}
	for _, c := range at {
		if c.Sequence != "" || c.Ended {
			return s.journalLost()
		}
	}
	return nil
}

// archived reports whether the bucket has an object among the segments, by one listing for each
// format.
func (s Set) archived(ctx context.Context) (bool, error) {
	for _, root := range segment.Roots() {
		page, err := s.Bucket.List(ctx, root, "")
		if err != nil {
			return false, fmt.Errorf("list the archive: %w", err)
		}
		if len(page.Objects) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// proveOwner proves that an archive without an owner is this bank's: every segment is of its
// stream, and the journal has the newest entries of each shard. It lists the whole archive, once
// for each archive.
func (s Set) proveOwner(ctx context.Context) error {
	ends, err := s.ownSegments(ctx)
	if err != nil {
		return err
	}
	for _, end := range ends {
		lacking, err := s.missingEntry(ctx, end.Key)
		switch {
		case segment.Unusable(err): // reported by its readers
			continue
		case err != nil:
			return err
		case lacking != nil:
			return &Disagreement{
				What: fmt.Sprintf("the archive has no owner, and the journal lacks its entry %s/%s v%d", lacking.Tenant, lacking.AccountID, lacking.First),
				Next: restoreCommand + " restores a journal that is behind its archive; if the archive is this bank's nevertheless, confirm it: " + claimCommand,
			}
		}
	}
	return nil
}

// ownSegments returns the newest segment of each source in the archive. A source of another stream
// is a Disagreement.
func (s Set) ownSegments(ctx context.Context) (map[segment.Source]archive.Object, error) {
	ends, err := s.lastSegments(ctx)
	if err != nil {
		return nil, err
	}
	for source := range ends {
		if source.Stream != s.Stream {
			return nil, &Disagreement{
				What: fmt.Sprintf("the archive has segments of stream %s, but this bank's is %s", source.Stream, s.Stream),
				Next: "name this bank's own with --bucket or --data, or correct PASSBOOK_PREFIX; if it is this bank's nevertheless, confirm it: " + claimCommand,
			}
		}
	}
	return ends, nil
}

// lastSegments returns the newest segment of each source in the archive. It lists all of it.
func (s Set) lastSegments(ctx context.Context) (map[segment.Source]archive.Object, error) {
	last := map[segment.Source]archive.Object{}
	for object, err := range archive.List(ctx, s.Bucket) {
		if err != nil {
			return nil, fmt.Errorf("list the archive: %w", err)
		}
		source := object.Name.Source
		if known, ok := last[source]; !ok || stream.CompareSequence(object.Name.First, known.Name.First) > 0 {
			last[source] = object
		}
	}
	return last, nil
}

// missingEntry returns one of the newest entries of a segment that the journal lacks; nil if it has
// them all.
func (s Set) missingEntry(ctx context.Context, key string) (*segment.EntryRef, error) {
	newest, err := segment.Newest(ctx, s.Bucket, key, newestEntries)
	if err != nil {
		return nil, err
	}
	reader := journal.NewReader(s.Table)
	for _, m := range newest {
		e, err := reader.Entry(ctx, event.Account{Tenant: m.Tenant, ID: m.AccountID}, m.First)
		if errors.Is(err, journal.ErrNoEvent) || err == nil && e.Hash != m.Hash {
			return &m, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s Set) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}
