package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/replay/parts"
	"passbook/shared/replay/spill"
	"passbook/shared/table"
)

// Restorer puts an entry back into the journal, with the state after it; *restorer.Restorer is one.
// Restore returns restorer.ErrDiffers if another entry has its place, and nil if the same one has.
// Lacks reports whether Restore would put the entry, fails where Restore would, and writes nothing.
type Restorer interface {
	Restore(ctx context.Context, e *event.Entry, s account.State) error
	Lacks(ctx context.Context, e *event.Entry, s account.State) (bool, error)
}

// RestoreConfig configures RestoreJournal.
type RestoreConfig struct {
	Bucket   bucket.Bucket
	Table    table.Table
	Restorer Restorer
	// DryRun reads and checks everything, and writes nothing.
	DryRun bool
	// Evidence is what is known of the archive from outside it.
	Evidence archive.Evidence
	// Origin shows which entries of the archive are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Models are the read models whose live rows are compared with the restored journal.
	Models []string
	// Flush, if the archiver runs in this process, makes it seal what is on the stream; nil if that
	// was done already.
	Flush    func(context.Context) error
	Progress *progress.Tracker
	// Limits are where the entries are sorted by account, and with how much memory.
	Limits spill.Limits
}

// RestoreResult is what RestoreJournal did.
type RestoreResult struct {
	// Accounts and Entries were put, or found in place, by this run; a dry run would put them, or
	// found them in place.
	Accounts, Entries int64
	// Missing is what the journal lacks of it, in a dry run.
	Missing Missing
	// Faults name each account that was not restored to its end, and each row that is ahead of the
	// journal.
	Faults Faults
	// Gaps are the parts that the archive lacks.
	Gaps []archive.Gap
}

// RestoreJournal restores the journal from the archive. The caller MUST have stopped all writers.
// Each account comes back up to its first gap, in version order; entries that are in the journal
// already are compared. It ends with ErrDifference if something is inconsistent or the archive has
// gaps, after it has restored everything else, and names each account of which a gap may contain
// more. It can be interrupted and called again.
func RestoreJournal(ctx context.Context, c RestoreConfig) (RestoreResult, error) {
	if c.Flush != nil {
		err := c.Flush(ctx)
		if err != nil {
			return RestoreResult{}, fmt.Errorf("restore journal: %w", err)
		}
	}
	plan, err := loadPlan(ctx, c.Bucket, c.Evidence, c.Origin)
	if err != nil {
		return RestoreResult{}, fmt.Errorf("restore journal: %w", err)
	}
	r := restore{config: c}
	if c.DryRun {
		r.dry, err = newDryRun(ctx, c)
		if err != nil {
			return RestoreResult{}, fmt.Errorf("restore journal: %w", err)
		}
	}
	gaps, err := r.run(ctx, plan)
	if err == nil {
		err = r.compareRows(ctx)
	}
	done := RestoreResult{Accounts: r.accounts.Load(), Entries: r.entries.Load(), Gaps: gaps, Missing: r.dry.result()}
	if err != nil {
		return done, fmt.Errorf("restore journal: %w", err)
	}
	done.Faults, err = r.damage.entries.result()
	return done, cmp.Or(gapsError(gaps), err)
}

type restore struct {
	config            RestoreConfig
	accounts, entries atomic.Int64
	damage            damage
	dry               *dryRun // nil when it is none
}

func (r *restore) run(ctx context.Context, plan archive.Plan) (gaps []archive.Gap, err error) {
	w := &accountReader{bucket: r.config.Bucket, plan: plan, origin: r.config.Origin, limits: r.config.Limits, damage: &r.damage, progress: r.config.Progress}
	at := &parts.Parts{}
	if r.dry == nil {
		at, err = parts.Load(ctx, r.config.Table, "journal", w.plan, w.parts())
		if err != nil {
			return nil, err
		}
	}
	sorted, err := w.sort(ctx, at.Next())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sorted.Close()) }()
	sorted.begin("restore the journal")
	for at.Next() < sorted.Parts() {
		err = sorted.histories(ctx, at.Next(), func(ctx context.Context, h history) error { return r.account(ctx, w, h) })
		if err != nil {
			return nil, err
		}
		if r.damage.entries.any() {
			at.Skip() // not saved: the next run must visit this part again and report it too
			continue
		}
		err = at.Done(ctx)
		if err != nil {
			return nil, err
		}
	}
	return w.gaps(), at.Finish(ctx)
}

// account restores one account up to its first gap.
func (r *restore) account(ctx context.Context, w *accountReader, h history) error {
	w.reportLater(h, nil)
	good, version, wrong := h.verified()
	if wrong != "" {
		r.damage.entries.add(h.account, version, "%s", wrong)
	}
	put, err := r.put(ctx, h, good)
	if err == nil && r.dry != nil {
		err = r.dry.compareRows(ctx, r, h.account, good[:put])
	}
	if err != nil || put < len(good) {
		return err
	}
	if wrong == "" {
		w.endProven(h)
	}
	r.accounts.Add(1)
	return nil
}

// put puts an account's entries and returns how many. It stops at an entry that does not fit, which
// it reports.
func (r *restore) put(ctx context.Context, h history, entries []*event.Entry) (int, error) {
	var s account.State
	var err error
	for i, e := range entries {
		for _, ev := range e.Events {
			s, err = account.Fold(s, ev)
			if err != nil {
				r.damage.entries.add(h.account, ev.Version, "%v", err)
				return i, nil
			}
		}
		if r.dry != nil {
			err = r.dry.put(ctx, r.config.Restorer, e, s)
		} else {
			err = r.config.Restorer.Restore(ctx, e, s)
		}
		switch {
		case errors.Is(err, restorer.ErrDiffers) && h.supersededAt(e.First):
			r.damage.entries.add(h.account, e.First, "the journal has the entry of the later incarnation here: restore into an empty journal")
			return i, nil
		case errors.Is(err, restorer.ErrDiffers):
			r.damage.entries.add(h.account, e.First, "the journal has another entry here")
			return i, nil
		case err != nil:
			return i, err
		}
		r.entries.Add(1)
	}
	return len(entries), nil
}

// compareRows reports every live row that is ahead of the journal, or was folded from another
// history. A dry run compared the accounts that it read.
func (r *restore) compareRows(ctx context.Context) error {
	for _, model := range r.config.Models {
		r.config.Progress.Begin("compare "+model+" with the journal", "rows", 0)
		err := eachLiveRow(ctx, r.config.Table, model, func(ctx context.Context, row modelRow) error {
			r.config.Progress.Add(1)
			if r.dry.seen(row.account) {
				return nil
			}
			return r.compareRow(ctx, model, row, nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// compareRow compares a row with the journal and with the entries that a dry run would put.
func (r *restore) compareRow(ctx context.Context, model string, row modelRow, with []*event.Entry) error {
	if row.version == 0 {
		return nil
	}
	var e *event.Entry
	var err error
	if i := slices.IndexFunc(with, func(e *event.Entry) bool { return e.First <= row.version && row.version <= e.Last }); i >= 0 {
		e = with[i]
	} else {
		_, e, err = journal.NewReader(r.config.Table).Event(ctx, row.account, row.version)
	}
	switch {
	case errors.Is(err, journal.ErrNoEvent):
		r.damage.entries.add(row.account, row.version, "the %s row is ahead of the restored journal", model)
		return nil
	case err != nil:
		return err
	case e.Last == row.version && e.Hash.String() != row.hash:
		r.damage.entries.add(row.account, row.version, "the %s row was folded from another entry", model)
	}
	return nil
}
