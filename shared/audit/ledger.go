package audit

import (
	"fmt"

	"passbook/shared/event"
)

// ledger is the expected state of an account, by this package's sums.
type ledger struct {
	version int64
	after   event.After
	// holds are the open remainders, by the version of the event that placed them.
	holds map[int64]int64
	// reversed has the transactions that were reversed, by version.
	reversed map[int64]bool
	// amounts has what each transaction moved, by version, while it can be reversed.
	amounts map[int64]int64
	closed  bool
	frozen  string // "" or the scope
	// limitVersion is the version of the event that set the limit.
	limitVersion int64
	// eventInvalid means that an event was wrong, so the true state is not known.
	eventInvalid bool
	// gapSeen means that entries are missing, so sums can only be followed and not checked.
	gapSeen bool
}

func newLedger() *ledger {
	return &ledger{holds: map[int64]int64{}, reversed: map[int64]bool{}, amounts: map[int64]int64{}}
}

// add applies an event and returns what is wrong with it; "" if nothing is.
func (s *ledger) add(ev event.Event) string {
	opened := s.version > 0
	s.version = ev.Version
	wrong := s.apply(ev)
	if s.gapSeen {
		s.after = ev.After
		return ""
	}
	if _, opens := ev.Body.(event.AccountOpened); opens == opened {
		wrong = "the account is not opened at version 1, or opened again"
	} else if s.closed && wrong == "" {
		wrong = "something happened after the account was closed"
	}
	if _, closes := ev.Body.(event.AccountClosed); closes {
		s.closed = true
	}
	if wrong == "" && ev.After != s.after {
		wrong = "the event's balance is not the sum of what happened"
	}
	if wrong != "" {
		s.eventInvalid = true
		s.after = ev.After // report one fault once, not again at every later version
	}
	return wrong
}

// apply adds the event's effect.
func (s *ledger) apply(ev event.Event) string {
	switch b := ev.Body.(type) {
	case event.AccountOpened:
		s.after.Limit, s.limitVersion = b.CreditLimit, ev.Version
	case event.MoneyCredited:
		s.after.Posted += b.Amount
		s.amounts[ev.Version] = b.Amount
	case event.MoneyWithdrawn:
		s.after.Posted -= b.Amount
		s.amounts[ev.Version] = -b.Amount
	case event.HoldPlaced:
		s.holds[ev.Version] = b.Amount
		s.after.Held += b.Amount
	case event.HoldCaptured:
		return s.releaseHold(b.HoldID, b.Amount, b.Remaining)
	case event.HoldReleased:
		return s.releaseHold(b.HoldID, b.Amount, 0)
	case event.TransactionReversed:
		return s.reverse(b)
	case event.CreditLimitChanged:
		wrong := ""
		if b.Before != s.after.Limit {
			wrong = "the limit before the change is not the account's"
		}
		s.after.Limit, s.limitVersion = b.After, ev.Version
		return wrong
	case event.AccountFrozen:
		s.frozen = b.Scope
	case event.AccountUnfrozen:
		s.frozen = ""
	}
	return ""
}

// releaseHold takes an amount from a hold and leaves the rest.
func (s *ledger) releaseHold(holdID string, amount, rest int64) string {
	version, _ := event.ParseID('h', holdID)
	open, ok := s.holds[version]
	if !ok || open-amount != rest {
		return fmt.Sprintf("hold %s has less, or more, than the event takes and leaves", holdID)
	}
	s.after.Held -= amount
	s.holds[version] = rest
	if rest == 0 {
		delete(s.holds, version)
	}
	return ""
}

// reverse reverses a transaction.
func (s *ledger) reverse(b event.TransactionReversed) string {
	version, _ := event.ParseID('t', b.OriginalTransactionID)
	moved, ok := s.amounts[version]
	if !ok || s.reversed[version] {
		return fmt.Sprintf("%s cannot be reversed, or was reversed before", b.OriginalTransactionID)
	}
	back := b.Amount
	if b.Direction == event.DirectionDebit {
		back = -back
	}
	if back != -moved {
		return fmt.Sprintf("the reversal of %s has another amount", b.OriginalTransactionID)
	}
	s.reversed[version] = true
	s.after.Posted += back
	return ""
}
