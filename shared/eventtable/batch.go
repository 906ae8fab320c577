package eventtable

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/segment"
)

// batch is some segments of the archive, and what came of each account in them.
type batch struct {
	*run
	segments []archive.Planned
	// fresh is how many of them no run has read before.
	fresh int

	mu      sync.Mutex
	came    map[event.Account][]arrival
	foreign []Fault
}

// read reads the segments.
func (b *batch) read(ctx context.Context) error {
	plan := b.plan
	plan.Segments = b.segments
	everything := func(string, string) bool { return true }
	return plan.Read(ctx, b.Archive, segment.Exact, everything, func(in *archive.Planned, records []segment.Record) error {
		for _, rec := range records {
			err := b.add(ctx, arrival{Entry: rec.Entry, key: in.Key, source: in.Name.Source, arrived: rec.Arrived})
			if err != nil {
				return err
			}
		}
		return nil
	}, b.damaged, b.Progress.Add)
}

// add notes an entry that is the bank's, or may be.
func (b *batch) add(ctx context.Context, e arrival) error {
	if !b.Origin.NeedsChain(e.Entry) {
		err := b.Origin.Verify(ctx, e.Entry)
		if errors.Is(err, event.ErrForeign) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.foreign = append(b.foreign, e.fault("left out: %v: in %s", err, e.key))
			return nil
		}
		if err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.came[e.Account()] = append(b.came[e.Account()], e)
	return nil
}

// damaged notes the versions of an entry that is damaged, or that a source is readable up to a
// damaged segment.
func (b *batch) damaged(in *archive.Planned, err error) error {
	var damage *segment.EntryError
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case errors.As(err, &damage):
		e := arrival{
			Entry: &event.Entry{Tenant: damage.Tenant, AccountID: damage.AccountID, First: damage.First, Last: damage.Last},
			key:   in.Key, source: in.Name.Source, damage: err,
		}
		b.came[e.Account()] = append(b.came[e.Account()], e)
	case segment.Unusable(err):
		b.sources.bound(in.Name.Source, in.Footer.Previous.Last)
		b.result.Gaps = append(b.result.Gaps, err.Error())
	default:
		return err
	}
	return nil
}

// follow returns the rows of the entries that follow what the table has, and notes the others.
func (b *batch) follow(ctx context.Context) (rows []Row, err error) {
	b.result.Foreign = append(b.result.Foreign, b.foreign...)
	b.result.Waiting = nil // those before this batch are in it again
	for _, p := range b.segments {
		delete(b.sources.waiting, p.Key)
	}
	var older []arrival
	for account, came := range b.came {
		err = b.prove(ctx, account, came)
		if err != nil {
			return nil, err
		}
		v := b.marks.of(account).follow(came)
		for _, e := range v.taken {
			rows = append(rows, RowsOf(e.Entry)...)
		}
		older = append(older, v.older...)
		for _, e := range v.forks {
			b.fork(e)
		}
		for _, e := range v.waiting {
			b.sources.waiting[e.key] = true
		}
		if len(v.waiting) > 0 {
			b.result.Waiting = append(b.result.Waiting, v.waiting[0].waits(b.marks.of(account).last))
		}
	}
	return rows, b.compare(ctx, older)
}

// fork notes an entry that contradicts what the table has.
func (b *batch) fork(e arrival) {
	b.result.Forks = append(b.result.Forks, e.fault("left out: another entry has these versions: in %s", e.key))
}

// compare compares entries at versions that the table has from before with those in it.
func (b *batch) compare(ctx context.Context, older []arrival) error {
	if len(older) == 0 {
		return nil
	}
	asked := map[event.Account]map[int64]event.Hash{}
	for _, e := range older {
		if asked[e.Account()] == nil {
			asked[e.Account()] = map[int64]event.Hash{}
		}
		asked[e.Account()][e.Last] = event.Hash{}
	}
	err := scan(ctx, b.Table, func(row marked) {
		of := asked[row.account()]
		if _, wanted := of[row.Version]; wanted {
			of[row.Version] = event.Hash(row.EntryHash)
		}
	})
	if err != nil {
		return err
	}
	for _, e := range older {
		if asked[e.Account()][e.Last] != e.Hash {
			b.fork(e)
		}
	}
	return nil
}

// prove notes which of an account's entries nothing proves to be the bank's yet: those without a
// mac to which no chain of hashes leads from what came. Later entries may prove them.
func (b *batch) prove(ctx context.Context, a event.Account, came []arrival) error {
	var at []int
	var unsigned, signed []origin.Link
	for i, e := range came {
		switch {
		case e.damage != nil:
		case b.Origin.NeedsChain(e.Entry):
			at, unsigned = append(at, i), append(unsigned, origin.LinkOf(e.Entry))
		default:
			signed = append(signed, origin.LinkOf(e.Entry))
		}
	}
	verdicts, err := b.Origin.VerifyChain(ctx, a, unsigned, signed)
	if err != nil {
		return err
	}
	for i, verdict := range verdicts {
		if verdict != nil && !errors.Is(verdict, event.ErrForeign) && !errors.Is(verdict, origin.ErrUnproven) {
			return verdict
		}
		came[at[i]].unproven = verdict
	}
	return nil
}

// waits returns why an entry waits, given the account's last version in the table.
func (e arrival) waits(last int64) Fault {
	switch {
	case e.damage != nil:
		return e.fault("waits: %v", e.damage)
	case e.unproven != nil:
		return e.fault("waits: %v", e.unproven)
	case e.First > last+1:
		return e.fault("waits: v%d to v%d have not come", last+1, e.First-1)
	}
	return e.fault("waits: it does not follow the entry that ends at v%d: in %s", last, e.key)
}

func (e arrival) fault(format string, args ...any) Fault {
	return Fault{Tenant: e.Tenant, Account: e.AccountID, Version: e.First, What: fmt.Sprintf(format, args...)}
}
