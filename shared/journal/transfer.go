package journal

import (
	"context"
	"errors"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// Transfer moves money between two accounts in one transaction: both entries or neither. Its
// Command is from's, with the key; Decide is not used.
type Transfer struct {
	Command
	To event.Account
	// DecideFrom decides from's leg and sees both accounts; a decline is from's alone. contra is
	// the event id of to's credit, and now from's time.
	DecideFrom func(from, to account.State, contra string, now time.Time) account.Decision
	// DecideTo decides to's leg. contra is the event id of from's withdrawal, and now to's time.
	DecideTo func(to account.State, contra string, now time.Time) account.Decision
}

// Transfer decides and commits a transfer, unless it is a dry run. The receipt is from's.
func (j *Journal) Transfer(ctx context.Context, t Transfer) (Receipt, error) {
	if err := t.check(); err != nil {
		return Receipt{}, err
	}
	p := j.newPending(t.Command)
	p.Command.Queued = nil // it has its place when it is in the second lane's queue too
	// a second exclusive use of the same lane would wait for the first
	if t.To == t.Account {
		return Receipt{}, errors.New("journal: transfer from an account to itself")
	}
	first, second := t.Account, t.To
	if second.String() < first.String() {
		first, second = second, first
	}
	p.exclusive = func(own *lane) {
		j.withLane(ctx, second, p, t.Queued, func(other *lane) {
			from, to := own, other
			if from.account != t.Account {
				from, to = other, own
			}
			transfer(from, to, t, p)
		})
	}
	if err := j.enqueue(first, p); err != nil {
		return Receipt{}, err
	}
	return j.wait(ctx, p)
}

// withLane runs f with the account's lane to itself, and calls queued once p has its place there.
// Lanes are taken in the order of their names, so that two transfers never wait for each other.
func (j *Journal) withLane(ctx context.Context, a event.Account, p *Pending, queued func(), f func(*lane)) {
	granted, release := make(chan *lane), make(chan struct{})
	place := &Pending{Command: Command{Queued: queued}}
	place.exclusive = func(l *lane) {
		granted <- l
		<-release
	}
	if err := j.enqueue(a, place); err != nil {
		p.fail(err)
		return
	}
	defer close(release)
	select {
	case l := <-granted:
		f(l)
		return
	case <-ctx.Done():
	}
	if place.claim() {
		p.fail(ErrOverloaded)
		return
	}
	f(<-granted) // the lane has just begun it
}

// transfer decides and commits with both lanes to itself.
func transfer(from, to *lane, t Transfer, p *Pending) {
	retryConflicts(p, func() error { return attemptTransfer(from, to, t, p) }, from, to)
}

// attemptTransfer answers p, or returns why it could not.
func attemptTransfer(from, to *lane, t Transfer, p *Pending) error {
	if t.DryRun != nil {
		return rehearseTransfer(from, to, t, p)
	}
	out, in, err := planBoth(from, to)
	if err != nil {
		return err
	}
	o := decideBoth(out, in, t)
	o.pending = p
	out.outcomes = []outcome{o}
	switch {
	case len(in.events) > 0:
		err = commitBoth(out, in)
	case len(out.events) > 0 && declined(out.events): // from's alone
		err = from.commit(out)
	case len(out.events) > 0:
		panic("journal: a transfer with one leg") // the other was decided already, so nothing may be stored
	case out.unconfirmed:
		if err = from.confirm(); err == nil {
			err = to.confirm()
		}
	}
	if err == nil {
		out.answer()
	}
	return err
}

// planBoth prepares both lanes and returns their empty plans.
func planBoth(from, to *lane) (out, in *plan, err error) {
	out, in = &plan{lane: from}, &plan{lane: to}
	for _, pl := range []*plan{out, in} {
		if pl.moment, err = pl.lane.prepare(); err != nil {
			return nil, nil, err
		}
		pl.state = pl.lane.state
	}
	share(&out.moment, &in.moment)
	return out, in, nil
}

// decideBoth decides both legs. The outcome is from's.
func decideBoth(out, in *plan, t Transfer) outcome {
	c, credit := t.Command, t.Command
	credit.Key, credit.IfMatch = "", 0 // the transfer's key and version are from's
	c.Decide = func(s account.State, now time.Time) account.Decision {
		return decideLegs(s, in.state, t, now, in.now, func(d account.Decision) { credit.Decide = fixed(d) })
	}
	credit.Decide = nil
	o := out.decide(&c)
	if credit.Decide != nil && len(out.events) > 0 {
		in.decide(&credit)
	}
	return o
}

func fixed(d account.Decision) func(account.State, time.Time) account.Decision {
	return func(account.State, time.Time) account.Decision { return d }
}

// share gives both legs one time and both refusals. A leg whose account is more than MaxSkew ahead
// has its own time alone, or a clock that was once ahead would spread from account to account.
func share(paid, got *moment) {
	clock := later(paid.clock, got.clock)
	shared := clock
	for _, own := range []time.Time{paid.now, got.now} {
		if own.Sub(clock) <= MaxSkew {
			shared = later(shared, own)
		}
	}
	refusal := paid.refusal
	if refusal == nil {
		refusal = got.refusal
	}
	for _, m := range []*moment{paid, got} {
		m.now, m.clock, m.refusal = later(shared, m.now), clock, refusal
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// decideLegs decides both legs, each at its account's time. Each leg names the other's event, whose
// version is known once the other is decided: the first round is only for the versions.
func decideLegs(from, to account.State, t Transfer, paid, got time.Time, credited func(account.Decision)) account.Decision {
	out := t.DecideFrom(from, to, "", paid)
	if out.Rejection != nil || len(out.Events) == 0 || declined(out.Events) {
		return out
	}
	in := t.DecideTo(to, "", got)
	if in.Rejection != nil {
		return in
	}
	outID := t.Account.EventID(lastVersion(out.Events))
	inID := t.To.EventID(lastVersion(in.Events))
	credited(t.DecideTo(to, outID, got))
	return t.DecideFrom(from, to, inID, paid)
}

func lastVersion(events []event.Event) int64 { return events[len(events)-1].Version }

func declined(events []event.Event) bool {
	_, ok := events[len(events)-1].Body.(event.WithdrawalDeclined)
	return ok
}

// commitBoth puts the two entries in one transaction.
func commitBoth(out, in *plan) error {
	a, err := out.lane.stage(out)
	if err != nil {
		return err
	}
	b, err := in.lane.stage(in)
	if err != nil {
		out.lane.journal.writer.Done(a.entry.Writer, a.entry.N) // never put
		return err
	}
	if err := out.lane.journal.write([]*staging{a, b}, nil); err != nil {
		if errors.Is(err, errConflict) {
			return errors.Join(out.lane.catchUp(), in.lane.catchUp())
		}
		out.lane.loaded, in.lane.loaded = false, false
		return err
	}
	out.lane.apply(out, a)
	in.lane.apply(in, b)
	return nil
}
