package journal

import (
	"errors"
	"fmt"

	"passbook/shared/journal/rowkey"

	"passbook/shared/account"
)

// reverse decides a reversal alone and commits its entry together with the guard of the original,
// both or neither, so that no original is reversed twice.
func (l *lane) reverse(p *Pending) {
	retryConflicts(p, func() error { return l.attemptReverse(p) }, l)
}

// retryConflicts calls try until no other writer is first, a bounded number of times. The caller
// runs the lanes; try answers p when it succeeds. After a dry run it stores no pages.
func retryConflicts(p *Pending, try func() error, lanes ...*lane) {
	for range maxAttempts {
		err := try()
		switch {
		case errors.Is(err, errConflict) && p.Command.DryRun != nil:
			continue
		case errors.Is(err, errConflict):
			lanes[0].journal.metrics.conflicts.Inc()
			continue
		case err != nil:
			p.fail(err)
		}
		if p.Command.DryRun == nil {
			for _, l := range lanes {
				l.journal.pages.SaveAll(l.journal.ctx, l.account, &l.keys)
			}
		}
		return
	}
	p.fail(ErrContention)
}

// attemptReverse answers p, or returns why it could not.
func (l *lane) attemptReverse(p *Pending) error {
	m, err := l.prepare()
	if err != nil {
		return err
	}
	pl := l.plan([]*Pending{p}, m)
	switch {
	case len(pl.events) > 0 && !declined(pl.events):
		err = l.commitReversal(pl, p)
	case len(pl.events) > 0:
		err = l.commit(pl)
	case pl.unconfirmed:
		err = l.confirm()
	}
	if errors.Is(err, errGuardTaken) {
		p.answer(l.alreadyReversed(l.state.Version))
		return nil
	}
	if err == nil {
		pl.answer()
	}
	return err
}

func (l *lane) alreadyReversed(version int64) Receipt {
	return Receipt{Account: l.account, Rejection: &account.Rejection{Code: account.CodeAlreadyReversed}, Version: version}
}

func (l *lane) commitReversal(pl *plan, p *Pending) error {
	staged, err := l.stage(pl)
	if err != nil {
		return err
	}
	guard := rowkey.GuardPut(l.account, p.Command.Reverses, lastVersion(pl.events))
	err = l.journal.write([]*staging{staged}, &guard)
	switch {
	case err == nil:
		l.apply(pl, staged)
		return nil
	case errors.Is(err, errConflict):
		return l.catchUp()
	case errors.Is(err, errGuardTaken):
		return err
	}
	l.loaded = false
	return fmt.Errorf("commit reversal on %s: %w", l.account, err)
}
