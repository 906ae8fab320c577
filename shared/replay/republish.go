package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/publisher"
	"passbook/shared/replay/passes"
	"passbook/shared/replay/queues"
	"passbook/shared/segment"
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
	// PassEvents bounds the events in memory; 0 means a default of about 250 MB.
	PassEvents int64
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
func Republish(ctx context.Context, c RepublishConfig) (int64, error) {
	if c.Stream == c.LiveStream && !c.Live {
		return 0, ErrLiveStream
	}
	plan, err := c.plan(ctx)
	if err != nil {
		return 0, fmt.Errorf("replay: republish: %w", err)
	}
	var damaged damage
	w := &accountReader{bucket: c.Bucket, plan: plan, origin: c.Origin, depth: segment.Exact, concurrency: accountsAtOnce, perPass: c.PassEvents, damage: &damaged, tenant: c.Tenant}
	if len(c.Accounts) == 1 {
		w.only = c.Accounts[0]
	}
	w.progress = c.Progress
	w.progress.Begin("republish onto "+c.Stream, "events", plan.Events*int64(w.passes()))
	at, err := passes.Load(ctx, c.Table, "republish#"+c.Stream, w.plan, w.passes(), c.From.UnixMicro(), c.To.UnixMicro(), c.Accounts, c.Tenant)
	if err != nil {
		return 0, fmt.Errorf("replay: republish: %w", err)
	}
	out := queues.Queues{To: publisher.Sender{Streams: c.Streams, Stream: c.Stream, Compress: c.Compress}}
	for at.Next() < w.passes() {
		err = c.pass(ctx, w, at.Next(), &out)
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

// pass publishes one part of the accounts: those in the archive, and those that are in the journal
// only.
func (c RepublishConfig) pass(ctx context.Context, w *accountReader, pass int, out *queues.Queues) error {
	var archived sync.Map
	publish := func(ctx context.Context, h history) error {
		tail, err := c.notArchived(ctx, h)
		if err == nil {
			out.Add(h.account, append(c.inRange(h.entries), tail...))
		}
		return err
	}
	err := w.readPass(ctx, pass, func(ctx context.Context, h history) error {
		archived.Store(h.account, true)
		if len(c.Accounts) > 0 && !slices.Contains(c.Accounts, h.account) {
			return nil
		}
		return publish(ctx, h)
	})
	if err != nil {
		return err
	}
	err = c.eachAccount(ctx, func(ctx context.Context, a event.Account) error {
		_, ok := archived.Load(a)
		if ok || archive.Part(a.Tenant, a.ID, w.passes()) != pass {
			return nil
		}
		return publish(ctx, history{account: a})
	})
	if err != nil {
		return err
	}
	return out.Drain(ctx)
}

// eachAccount visits the accounts that are asked for, or all that the journal has of them.
func (c RepublishConfig) eachAccount(ctx context.Context, visit func(context.Context, event.Account) error) error {
	if len(c.Accounts) == 0 {
		return eachAccount(ctx, c.Journal, func(ctx context.Context, a event.Account) error {
			if c.Tenant != "" && a.Tenant != c.Tenant {
				return nil
			}
			return visit(ctx, a)
		})
	}
	for _, a := range c.Accounts {
		err := visit(ctx, a)
		if err != nil {
			return err
		}
	}
	return nil
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
