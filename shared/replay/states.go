package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/replay/past"
	"passbook/shared/replay/spill"
)

// StatesConfig configures StatesAt.
type StatesConfig struct {
	Bucket bucket.Bucket
	// Account selects one account; the zero Account selects all, or those of Tenant where that is
	// not empty.
	Account event.Account
	Tenant  string
	// Time asks for the state after everything recorded at or before it; zero with Version. Version
	// asks for the state after that event of each account and after the other events of its
	// command; 0 with Time.
	Time    time.Time
	Version int64
	// Evidence is what is known of the archive from outside it.
	Evidence archive.Evidence
	// Origin shows which entries of the archive are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Begin, if not nil, gets how far the archive goes before the first state; its error ends the
	// job.
	Begin    func(archive.Extent) error
	Progress *progress.Tracker
	// Limits are how much memory the states of accounts take, with entries that came before earlier
	// ones; and where whole histories are sorted, and with how much memory.
	Limits spill.Limits
}

// StatesAt yields past states of accounts, from the archive alone, in no promised order. Calls of
// yield come one at a time, and its error ends the job.
//
// An account that was open then, or that reached the version, is yielded. It is reported in the
// faults instead, with ErrDifference, if its history has a gap or two contents before then, or if a
// gap of the archive may contain more of it. Of two histories in two incarnations of the stream,
// the older one is yielded and the later one reported. Gaps of the archive are ErrDifference too,
// and the error names them.
func StatesAt(ctx context.Context, c StatesConfig, yield func(event.Account, account.State) error) (Faults, error) {
	if c.Time.IsZero() == (c.Version == 0) {
		return Faults{}, errors.New("replay: at: ask for a time or for a version")
	}
	plan, err := loadPlan(ctx, c.Bucket, c.Evidence, c.Origin)
	if err != nil {
		return Faults{}, fmt.Errorf("replay: at: %w", err)
	}
	if c.Begin != nil {
		err = c.Begin(plan.Extent())
		if err != nil {
			return Faults{}, fmt.Errorf("replay: at: %w", err)
		}
	}
	var damaged damage
	w := &accountReader{
		bucket: c.Bucket, plan: plan, origin: c.Origin, only: c.Account, limits: c.Limits, damage: &damaged, tenant: c.Tenant, progress: c.Progress,
	}
	// with gaps all of the archive is read, since later entries show that nothing before is missing
	if c.Version == 0 && len(plan.Gaps) == 0 {
		w.plan, w.reread = plan.Until(c.Time), map[event.Account]bool{}
	}
	err = c.states(ctx, w, yield)
	if err == nil && len(w.reread) > 0 {
		damaged.entries.forget(w.reread)
		w.plan, w.accounts, w.accountEvents, w.reread = plan, w.reread, plan.Events, nil
		err = c.histories(ctx, w, yield)
	}
	if err != nil {
		return Faults{}, fmt.Errorf("replay: at: %w", err)
	}
	found, err := damaged.entries.result()
	return found, cmp.Or(gapsError(w.gaps()), err)
}

// states yields the states of the accounts that a reader reads: of most from their entries as they
// come, and of those that are odd from their histories.
func (c StatesConfig) states(ctx context.Context, w *accountReader, yield func(event.Account, account.State) error) error {
	if w.only != (event.Account{}) {
		return c.histories(ctx, w, yield)
	}
	f := folder{reader: w, at: c.at(), most: cmp.Or(c.Limits.Memory, spill.DefaultMemory) / stateBytes, odd: map[event.Account]bool{}}
	err := f.run(ctx, yield)
	if err != nil || len(f.odd) == 0 {
		return err
	}
	w.accounts, w.accountEvents = f.odd, f.oddEvents
	return c.histories(ctx, w, yield)
}

func (c StatesConfig) at() past.At { return past.At{Time: c.Time, Version: c.Version} }

// stateBytes is about what the state of an account takes while it is folded.
const stateBytes = 1 << 10

// histories yields the states of accounts from their whole histories.
func (c StatesConfig) histories(ctx context.Context, w *accountReader, yield func(event.Account, account.State) error) (err error) {
	sorted, err := w.sort(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sorted.Close()) }()
	sorted.begin("fold whole histories")
	var one sync.Mutex
	for part := range sorted.Parts() {
		err = sorted.histories(ctx, part, func(_ context.Context, h history) error {
			s, err := c.fold(w, h)
			w.reportLater(h, func(e *event.Entry) bool {
				return c.Version == 0 && !e.RecordedAt.After(c.Time) || c.Version != 0 && e.First <= c.Version
			})
			if err != nil || s.Version == 0 {
				return err
			}
			one.Lock()
			defer one.Unlock()
			return yield(h.account, s)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fold folds a history as far as it is asked for. The zero state means that there is nothing to
// yield.
func (c StatesConfig) fold(w *accountReader, h history) (account.State, error) {
	faults, at := &w.damage.entries, c.at()
	good, version, wrong := h.verified()
	var s account.State
	for _, e := range good {
		for _, ev := range e.Events {
			if at.IsAfter(e, ev) {
				return at.IfReached(s), nil
			}
			var err error
			s, err = account.Fold(s, ev)
			if err != nil {
				faults.add(h.account, ev.Version, "%v", err)
				return account.State{}, nil
			}
			if (event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}) != ev.After {
				faults.add(h.account, ev.Version, "the fold gives another balance than the event has")
				return account.State{}, nil
			}
		}
	}
	if wrong == "" && at.NeedsEnd(s) && !w.endProven(h) {
		return account.State{}, nil
	}
	if wrong != "" && c.dependsOn(h, version) {
		if w.readAgain(h.account) {
			return account.State{}, nil
		}
		faults.add(h.account, version, "%s", wrong)
		return account.State{}, nil
	}
	return at.IfReached(s), nil
}

// dependsOn reports whether the result may depend on the version at which a history breaks off: not
// if everything from there on is too late. When the entries of a gap were recorded is unknown.
func (c StatesConfig) dependsOn(h history, version int64) bool {
	if c.Version != 0 {
		return version <= c.Version
	}
	gap := true
	for _, e := range h.entries {
		if e.Last >= version && !e.RecordedAt.After(c.Time) {
			return true
		}
		gap = gap && e.First != version
	}
	return gap
}
