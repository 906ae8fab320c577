package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/publisher"
	"passbook/shared/readmodel"
	"passbook/shared/replay/parts"
	"passbook/shared/replay/queues"
	"passbook/shared/replay/spill"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// RepublishConfig configures Republish.
type RepublishConfig struct {
	Bucket  bucket.Bucket
	Streams stream.Stream
	// Journal has what is not archived yet.
	Journal *journal.Reader
	// Table records how far the job came.
	Table table.Table
	// Evidence is what is known of the archive from outside it.
	Evidence archive.Evidence
	// Origin shows which entries of the archive are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Stream is where the entries go. It MUST NOT be LiveStream, which all consumers follow, unless
	// Live is true.
	Stream, LiveStream string
	Live               bool
	// Compress has records over 4 KB compressed.
	Compress bool
	// From (included) and To (excluded) bound the entries by recorded_at. Zero is unbounded.
	From, To time.Time
	// Accounts are those to publish; empty means all, or those of Tenant where that is not empty.
	Accounts []event.Account
	Tenant   string
	Progress *progress.Tracker
	// Limits are where the entries are sorted by account, and with how much memory.
	Limits spill.Limits
}

// ErrLiveStream means that the stream is the live one, without Live.
var ErrLiveStream = errors.New("replay: the stream is the live one: republishing onto it must be asked for explicitly")

// plan returns what Republish would read.
func (c RepublishConfig) plan(ctx context.Context) (archive.Plan, error) {
	p, err := loadPlan(ctx, c.Bucket, c.Evidence, c.Origin)
	if err != nil {
		return archive.Plan{}, err
	}
	if c.To.IsZero() {
		return p.Filter(func(s archive.Planned) bool { return s.Footer.Recorded.To >= c.From.UnixMicro() }), nil
	}
	return p.Between(c.From, c.To), nil
}

// Republish puts the archive's entries on a stream, each account's in version order, with their
// original bytes, and after them the later entries of the account that are in the journal only. It
// returns how many. After an interruption it continues with the part of the accounts at which it
// stopped: some entries are published twice, which is harmless. If the archive has gaps or damaged
// entries it ends with ErrDifference, which names them, after it has published what is there.
func Republish(ctx context.Context, c RepublishConfig) (published int64, err error) {
	if c.Stream == c.LiveStream && !c.Live {
		return 0, ErrLiveStream
	}
	plan, err := c.plan(ctx)
	if err != nil {
		return 0, fmt.Errorf("replay: republish: %w", err)
	}
	var damaged damage
	w := &accountReader{bucket: c.Bucket, plan: plan, origin: c.Origin, limits: c.Limits, held: true, damage: &damaged, tenant: c.Tenant, progress: c.Progress}
	c.choose(ctx, w)
	at, err := parts.Load(ctx, c.Table, "republish#"+c.Stream, w.plan, w.parts(), c.From.UnixMicro(), c.To.UnixMicro(), c.Accounts, c.Tenant)
	if err != nil {
		return 0, fmt.Errorf("replay: republish: %w", err)
	}
	sorted, err := w.sort(ctx, at.Next())
	if err != nil {
		return 0, fmt.Errorf("replay: republish: %w", err)
	}
	defer func() { err = errors.Join(err, sorted.Close()) }()
	sorted.begin("republish onto " + c.Stream)
	out := queues.Queues{To: publisher.Sender{Streams: c.Streams, Stream: c.Stream, Compress: c.Compress}}
	for at.Next() < sorted.Parts() {
		err = c.part(ctx, sorted, at.Next(), &out)
		if err == nil {
			err = at.Done(ctx)
		}
		if err != nil {
			return out.Published(), fmt.Errorf("replay: republish: %w", err)
		}
	}
	err = at.Finish(ctx)
	if err != nil {
		return out.Published(), err
	}
	found, err := damaged.entries.result()
	if err != nil {
		err = fmt.Errorf("%w: %v", err, found.List[0])
	}
	return out.Published(), cmp.Or(gapsError(w.gaps()), err)
}

// choose has the reader visit the accounts that are asked for: of all, those in the archive, and
// those that are in the journal only.
func (c RepublishConfig) choose(ctx context.Context, w *accountReader) {
	w.listed = readmodel.AllAccounts(ctx, c.Journal)
	if len(c.Accounts) == 0 {
		return
	}
	w.accounts, w.accountEvents = map[event.Account]bool{}, w.plan.Events
	for _, a := range c.Accounts {
		w.accounts[a] = true
	}
	w.listed = func(yield func(event.Account, error) bool) {
		for a := range w.accounts {
			if !yield(a, nil) {
				return
			}
		}
	}
	if len(c.Accounts) == 1 {
		w.only = c.Accounts[0]
	}
}

// part publishes one part of the accounts.
func (c RepublishConfig) part(ctx context.Context, from *sortedEntries, part int, out *queues.Queues) error {
	err := from.histories(ctx, part, func(ctx context.Context, h history) error {
		tail, err := c.notArchived(ctx, h)
		if err == nil {
			out.Add(h.account, append(c.inRange(h.entries), tail...))
		}
		return err
	})
	if err != nil {
		return err
	}
	return out.Drain(ctx)
}

// notArchived returns an account's entries in the journal that are in the range and after its end
// in the archive.
func (c RepublishConfig) notArchived(ctx context.Context, h history) (tail []*event.Entry, err error) {
	var last int64
	if n := len(h.entries); n > 0 {
		last = h.entries[n-1].Last
	}
	if !c.From.IsZero() {
		before, err := c.Journal.VersionAt(ctx, h.account, c.From.Add(-time.Microsecond))
		if err != nil {
			return nil, err
		}
		last = max(last, before)
	}
	for e, err := range c.Journal.Entries(ctx, h.account, last+1, 0) {
		if err != nil {
			return nil, err
		}
		if !c.To.IsZero() && !e.RecordedAt.Before(c.To) {
			break
		}
		tail = append(tail, e)
	}
	return tail, nil
}

func (c RepublishConfig) inRange(entries []*event.Entry) []*event.Entry {
	var in []*event.Entry
	for _, e := range entries {
		if !e.RecordedAt.Before(c.From) && (c.To.IsZero() || e.RecordedAt.Before(c.To)) {
			in = append(in, e)
		}
	}
	return in
}
