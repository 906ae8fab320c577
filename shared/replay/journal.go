package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// Restorer puts an entry back into the journal, with the state after it; *journal.Restorer is one. Another entry in the place is
// journal.ErrDiffers, the same one nil.
type Restorer interface {
	Restore(ctx context.Context, e *event.Entry, s account.State) error
}

// Restoring configures Journal.
type Restoring struct {
	Bucket   bucket.Bucket
	Table    table.Table
	Restorer Restorer
	// Known is what is known of the archive from elsewhere.
	Known archive.Known
	// Models are the read models whose live rows are held against the restored journal.
	Models []string
	// Flush, where the archiver runs in this process, has it seal what is on the stream; nil when it did already.
	Flush    func(context.Context) error
	Progress Progress
	// PassEvents bounds the events in memory; 0 is a default of some 250 MB.
	PassEvents int64
}

// Restored is what Journal did.
type Restored struct {
	// Accounts and Entries were put, or found in place, by this run.
	Accounts, Entries int64
	// Faults name each account that was not restored to its end, and each row that is ahead of the journal.
	Faults Faults
	// Gaps are the parts that the archive lacks.
	Gaps []archive.Gap
}

// Journal restores the journal from the archive. The caller MUST have stopped all writers. Each account comes back up to its first
// gap, in version order; what is there already is compared. It ends with ErrDifference when something does not fit or the archive
// has gaps, after it has restored everything else, and names each account of which a gap may hold more. Called again, it goes on.
func Journal(ctx context.Context, c Restoring) (Restored, error) {
	if c.Flush != nil {
		err := c.Flush(ctx)
		if err != nil {
			return Restored{}, fmt.Errorf("restore journal: %w", err)
		}
	}
	plan, err := loadPlan(ctx, c.Bucket, c.Known)
	if err != nil {
		return Restored{}, fmt.Errorf("restore journal: %w", err)
	}
	r := restore{Restoring: c}
	gaps, err := r.run(ctx, plan)
	if err == nil {
		err = r.compareRows(ctx)
	}
	done := Restored{Accounts: r.accounts.Load(), Entries: r.entries.Load(), Gaps: gaps}
	if err != nil {
		return done, fmt.Errorf("restore journal: %w", err)
	}
	done.Faults, err = r.met.entries.result()
	return done, cmp.Or(lacking(gaps), err)
}

type restore struct {
	Restoring
	accounts, entries atomic.Int64
	met               damage
}

func (r *restore) run(ctx context.Context, plan archive.Plan) ([]archive.Gap, error) {
	w := &walk{bucket: r.Bucket, plan: plan, depth: archive.Exact, atOnce: accountsAtOnce, perPass: r.PassEvents, met: &r.met}
	w.events = startStep(r.Progress, "restore the journal", "events", plan.Events*int64(w.passes()))
	defer w.events.end()
	at, err := loadPasses(ctx, r.Table, "journal", w)
	if err != nil {
		return nil, err
	}
	for at.next < w.passes() {
		err = w.pass(ctx, at.next, func(ctx context.Context, h history) error { return r.account(ctx, w, h) })
		if err != nil {
			return nil, err
		}
		if r.met.entries.any() {
			at.next++ // not saved: a run that goes on must come by here again and name it too
			continue
		}
		err = at.done(ctx)
		if err != nil {
			return nil, err
		}
	}
	return w.gaps(), at.finish(ctx)
}

// account restores one account up to its first gap.
func (r *restore) account(ctx context.Context, w *walk, h history) error {
	good, version, wrong := h.whole()
	if wrong != "" {
		r.met.entries.add(h.account, version, "%s", wrong)
	}
	var s account.State
	var err error
	for _, e := range good {
		for _, ev := range e.Events {
			s, err = account.Fold(s, ev)
			if err != nil {
				r.met.entries.add(h.account, ev.Version, "%v", err)
				return nil
			}
		}
		err = r.Restorer.Restore(ctx, e, s)
		if errors.Is(err, journal.ErrDiffers) {
			r.met.entries.add(h.account, e.First, "the journal has another entry in this place")
			return nil
		}
		if err != nil {
			return err
		}
		r.entries.Add(1)
	}
	if wrong == "" {
		w.proven(h)
	}
	r.accounts.Add(1)
	return nil
}

// compareRows names every live row that is ahead of the journal, or was folded from another history.
func (r *restore) compareRows(ctx context.Context) error {
	reader := journal.NewReader(r.Table)
	for _, model := range r.Models {
		step := startStep(r.Progress, "hold "+model+" against the journal", "rows", 0)
		err := eachLiveRow(ctx, r.Table, model, func(ctx context.Context, row rowOf) error {
			step.add(1)
			if row.version == 0 {
				return nil
			}
			_, e, err := reader.Event(ctx, row.account, row.version)
			switch {
			case errors.Is(err, journal.ErrNoEvent):
				r.met.entries.add(row.account, row.version, "the %s row is ahead of the restored journal", model)
				return nil
			case err != nil:
				return err
			case e.Last == row.version && e.Hash.String() != row.hash:
				r.met.entries.add(row.account, row.version, "the %s row was folded from another entry", model)
			}
			return nil
		})
		step.end()
		if err != nil {
			return err
		}
	}
	return nil
}
