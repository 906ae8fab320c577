package journal

import (
	"context"
	"fmt"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal/dryrun"
)

// rehearse decides p's command as it would be decided now, and keeps what it would make in its dry
// run. It has the lane to itself, after the entry that is in flight, and stores, publishes and
// counts nothing.
func (l *lane) rehearse(p *Pending) {
	retryConflicts(p, func() error { return l.attemptRehearsal(p) }, l)
}

// attemptRehearsal answers p, or returns why it could not.
func (l *lane) attemptRehearsal(p *Pending) error {
	c := &p.Command
	pl, err := l.dryPlan(c.DryRun)
	if err != nil {
		return err
	}
	o := pl.decide(c)
	if c.Reverses != 0 && len(pl.events) > 0 && !declined(pl.events) {
		// what the guard is for when the reversal is committed
		reversed, err := l.guarded(c)
		if err != nil {
			return err
		}
		if reversed {
			p.answer(l.alreadyReversed(pl.events[0].Version - 1))
			return nil
		}
	}
	return pl.rehearse(p, o)
}

// guarded reports whether the transaction that the command reverses is reversed by now.
func (l *lane) guarded(c *Command) (bool, error) {
	ctx, cancel := context.WithTimeout(l.journal.ctx, readDeadline)
	defer cancel()
	reversed, err := l.journal.reversed(ctx, *c, c.Reverses)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return reversed, nil
}

// rehearseTransfer does for a transfer what attemptRehearsal does for other commands.
func rehearseTransfer(from, to *lane, t Transfer, p *Pending) error {
	out, err := from.dryPlan(t.DryRun)
	if err != nil {
		return err
	}
	in, err := to.dryPlan(t.DryRun)
	if err != nil {
		return err
	}
	share(&out.moment, &in.moment)
	return out.rehearse(p, decideBoth(out, in, t), in)
}

// dryPlan returns an empty plan on the newest state: as the dry run left the account, or as it is
// committed, which is read again unless the lane has just done so.
func (l *lane) dryPlan(run *dryrun.Run) (*plan, error) {
	if err := run.Err(); err != nil { // a command before this one is not known
		return nil, err
	}
	m, err := l.observe()
	if err == nil && !m.fresh {
		err = l.confirm()
	}
	if err != nil {
		return nil, err
	}
	pl := &plan{lane: l, moment: m, state: l.state}
	head := run.Head(l.account)
	if head == nil {
		return pl, nil
	}
	if pl.state, err = account.StateIn(head); err != nil {
		return nil, fmt.Errorf("read %s v%d of a dry run: %w", l.account.ID, head.Last, err)
	}
	pl.now, pl.declines = later(pl.now, head.RecordedAt), run.Declines(l.account)
	return pl, nil
}

// rehearse adds what was planned for p's command to its dry run, together with the other leg of a
// transfer, and answers p.
func (pl *plan) rehearse(p *Pending, o outcome, legs ...*plan) error {
	if o.err != nil {
		return o.err
	}
	if o.command < 0 {
		p.answer(*o.receipt)
		return nil
	}
	entries := make([]*event.Entry, 0, 2)
	for _, leg := range append([]*plan{pl}, legs...) {
		if len(leg.events) == 0 {
			continue // a decline is from's alone
		}
		e, err := leg.provisional(p.Command.DryRun)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	if err := p.Command.DryRun.Add(entries...); err != nil {
		return err
	}
	p.answer(Receipt{Account: pl.lane.account, Entry: entries[0], Command: entries[0].Commands[0], Version: entries[0].Last, Provisional: true})
	return nil
}

// provisional returns the plan as the entry that would be committed. It is sealed without a proof
// of origin, only for its size and for the data of its events.
func (pl *plan) provisional(run *dryrun.Run) (*event.Entry, error) {
	a := pl.lane.account
	e := &event.Entry{
		Format: 1, Tenant: a.Tenant, AccountID: a.ID, First: pl.events[0].Version, Last: pl.state.Version,
		Currency: pl.state.Currency, RecordedAt: pl.now, Prev: pl.lane.head, Commands: pl.commands, Events: pl.events,
	}
	if head := run.Head(a); head != nil {
		e.Prev = head.Hash
	}
	if _, err := event.Seal(e, nil); err != nil {
		return nil, fmt.Errorf("seal %s v%d of a dry run: %w", a.ID, e.First, err)
	}
	e.State = account.AppendState(nil, pl.state)
	return e, nil
}

// rehearsed returns the outcome of a command whose key came before in its dry run, with the entry
// e.
func (pl *plan) rehearsed(c *Command, e *event.Entry) outcome {
	if e.Commands[0].Request != c.Request {
		return pl.reject(&account.Rejection{Code: account.CodeKeyReused})
	}
	return outcome{command: -1, receipt: &Receipt{
		Account: pl.lane.account, Entry: e, Command: e.Commands[0], Replayed: true, Provisional: true, Version: e.Last,
	}}
}
