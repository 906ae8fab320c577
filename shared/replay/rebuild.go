package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay/parts"
	"passbook/shared/replay/spill"
	"passbook/shared/table"
)

// accountsAtOnce is how many accounts are written concurrently: each write waits for a round trip
// or an fsync.
const accountsAtOnce = 64

// Projection folds into one generation of a read model; *readmodel.Projection is one. It applies
// the version rule, fills gaps from the journal, and puts an account in quarantine that cannot be
// folded further.
type Projection interface {
	ProjectEntries(ctx context.Context, a event.Account, entries []*event.Entry) error
	CatchUp(ctx context.Context, a event.Account) (int64, error)
}

// RebuildConfig configures Rebuild.
type RebuildConfig struct {
	Table table.Table
	// Model is the read model's name, such as "balance".
	Model string
	// Projection opens the projection of a generation.
	Projection func(ctx context.Context, generation int64) (Projection, error)
	// Reserve is called with the name of the candidate's consumer before any program can see the
	// candidate; nil does nothing. It keeps programs of an older release off its shards.
	Reserve func(ctx context.Context, consumer string) error
	// Bucket has the archive; nil rebuilds from the journal alone.
	Bucket bucket.Bucket
	// Evidence is what is known of the archive from outside it.
	Evidence archive.Evidence
	// Origin shows which entries of the archive are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Journal has the accounts that are brought up to their heads at the end.
	Journal  readmodel.Journal
	Progress *progress.Tracker
	// Limits are where the archive's entries are sorted by account, and with how much memory.
	Limits spill.Limits
}

// RebuildResult is what Rebuild did.
type RebuildResult struct {
	// Generation is the candidate, beside the live generation.
	Generation int64
	// Events of the archive were folded by this run.
	Events int64
	// Accounts were brought up to the journal's head; Blocked of them are in quarantine.
	Accounts, Blocked int64
	// Gaps are the parts that the archive lacks, Faults its damaged entries. Their entries came
	// from the journal, as far as it has them.
	Gaps   []archive.Gap
	Faults Faults
}

// Rebuild folds the archive into a candidate generation, a new one or the one that exists, and then
// brings each account up to the journal's head. The candidate's own worker may follow the stream at
// the same time. After an interruption it continues with the part of the accounts at which it
// stopped, or if the archive has grown, from the rows that it finds. Compare judges the result. A
// gap in the archive is ErrDifference at the end. While a generation is being discarded Rebuild
// returns ErrGeneration.
func Rebuild(ctx context.Context, c RebuildConfig) (RebuildResult, error) {
	var done RebuildResult
	err := c.checkNoDiscard(ctx)
	if err == nil {
		done.Generation, err = readmodel.StartCandidate(ctx, c.Table, c.Model, c.Reserve)
	}
	if err != nil {
		return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
	}
	to, err := c.Projection(ctx, done.Generation)
	if err != nil {
		return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
	}
	if c.Bucket != nil {
		err = c.fromArchive(ctx, to, &done)
		if err != nil {
			return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
		}
	}
	err = c.catchUp(ctx, to, &done)
	if err != nil {
		return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
	}
	err = gapsError(done.Gaps)
	if err == nil && done.Faults.Count > 0 {
		err = ErrDifference
	}
	return done, err
}

// checkNoDiscard refuses to begin beside a discard. The candidate may be what is discarded, without
// a worker to follow the stream and never to be promoted; and a discard that was interrupted would
// be forgotten if the next one were of another generation.
func (c RebuildConfig) checkNoDiscard(ctx context.Context) error {
	g, err := readmodel.LoadGenerations(ctx, c.Table, c.Model)
	if err == nil && g.Discarding != 0 {
		err = fmt.Errorf("generation %d is being discarded: if that was interrupted, replay discard --model %s continues it: %w",
			g.Discarding, c.Model, readmodel.ErrGeneration)
	}
	return err
}

func (c RebuildConfig) fromArchive(ctx context.Context, to Projection, done *RebuildResult) error {
	p, err := loadPlan(ctx, c.Bucket, c.Evidence, c.Origin)
	if err != nil {
		return err
	}
	var damaged damage
	w := &accountReader{bucket: c.Bucket, plan: p, origin: c.Origin, limits: c.Limits, damage: &damaged, progress: c.Progress}
	name := readmodel.Name(c.Model, done.Generation)
	at, err := parts.Load(ctx, c.Table, name, p, w.parts())
	if err != nil {
		return err
	}
	if at.Next() < w.parts() {
		done.Events, err = c.foldParts(ctx, w, at, to, name)
	}
	if err == nil && c.Origin.Complete() && c.Origin.Heads.Accounts() > 0 {
		err = c.proveRows(ctx, to, done.Generation, &damaged.entries)
	}
	done.Gaps = w.gaps()
	done.Faults, _ = damaged.entries.result()
	return err
}

// foldParts folds the parts of the accounts that are left, each account's row once. It returns how
// many events they have.
func (c RebuildConfig) foldParts(ctx context.Context, w *accountReader, at *parts.Parts, to Projection, name string) (events int64, err error) {
	sorted, err := w.sort(ctx, at.Next())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, sorted.Close()) }()
	sorted.begin("fold the archive into " + name)
	for at.Next() < sorted.Parts() {
		err = sorted.visit(ctx, at.Next(), func(ctx context.Context, a event.Account, all []archivedEntry, _ bool) error {
			own, err := c.own(ctx, a, all, w.damage)
			if err != nil || len(own) == 0 {
				return err
			}
			return to.ProjectEntries(ctx, a, own)
		})
		if err != nil {
			return 0, err
		}
		if w.damage.entries.any() {
			at.Skip() // not saved: the next run must report it too
			continue
		}
		err = at.Done(ctx)
		if err != nil {
			return 0, err
		}
	}
	return sorted.events.Load(), nil
}

// own returns the entries of an account that are the bank's, in order of version and with repeats,
// and reports the others. Entries of which nothing in the archive shows whose they are count if the
// journal has them.
func (c RebuildConfig) own(ctx context.Context, a event.Account, all []archivedEntry, found *damage) ([]*event.Entry, error) {
	slices.SortStableFunc(all, func(a, b archivedEntry) int { return cmp.Compare(a.First, b.First) })
	d, err := divide(ctx, c.Origin, a, all)
	if err != nil {
		return nil, err
	}
	unproven := d.unproven
	d.unproven = nil
	for _, e := range unproven {
		committed, err := committedAt(ctx, c.Journal, a, e.Last)
		if err != nil {
			return nil, err
		}
		if committed != nil && committed.First == e.First && committed.Hash == e.Hash {
			d.own = append(d.own, e.archivedEntry)
			continue
		}
		d.foreign = append(d.foreign, doubtedEntry{e.archivedEntry, fmt.Errorf("%w: it has no mac, and the journal does not have it", event.ErrForeign)})
	}
	found.leaveOut(a, d)
	own := make([]*event.Entry, len(d.own))
	for i, e := range d.own {
		own[i] = e.Entry
	}
	slices.SortStableFunc(own, func(a, b *event.Entry) int { return cmp.Compare(a.First, b.First) })
	return own, nil
}

// catchUp brings every account of the journal to its head.
func (c RebuildConfig) catchUp(ctx context.Context, to Projection, done *RebuildResult) error {
	c.Progress.Begin("catch up with the journal", "accounts", 0)
	var accounts, blocked atomic.Int64
	err := eachAccount(ctx, c.Journal, func(ctx context.Context, a event.Account) error {
		_, err := to.CatchUp(ctx, a)
		if errors.Is(err, readmodel.ErrQuarantined) {
			blocked.Add(1)
			err = nil
		}
		accounts.Add(1)
		c.Progress.Add(1)
		return err
	})
	done.Accounts, done.Blocked = accounts.Load(), blocked.Load()
	return err
}

// eachAccount visits every account of the journal, many at once.
func eachAccount(ctx context.Context, from readmodel.Directory, visit func(context.Context, event.Account) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	var failed error
	for a, err := range readmodel.AllAccounts(ctx, from) {
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error { return visit(ctx, a) })
	}
	return errors.Join(group.Wait(), failed)
}
