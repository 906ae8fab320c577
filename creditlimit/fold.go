package creditlimit

import (
	"fmt"
	"strings"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// State is the use of one account's line of credit, in minor units. The zero State is that of an
// account that does not exist.
type State struct {
	// Status is open or closed.
	Status, Currency string
	// Posted, Held and Limit are what the use is derived from.
	Posted, Held, Limit int64
	// LimitVersion is the event that set Limit, and ExpiresAt when the limit becomes 0 without
	// another command, zero for never.
	LimitVersion int64
	ExpiresAt    time.Time
	// Peak is the most that was ever drawn and reserved after an entry, and PeakVersion the last
	// event of the first entry that reached it.
	Peak, PeakVersion int64
	// Declines counts the withdrawals, holds and transfers refused for want of funds or limit.
	Declines int64
	// Marks say where they were, for counts of the past.
	Marks string
	// Band is the highest threshold, in basis points, that the utilisation had reached after the
	// last entry that left a limit above 0; 0 for none.
	Band int64
}

// Drawn returns the part of the line that posted money uses.
func (s State) Drawn() int64 { return s.balances().Drawn() }

// Reserved returns the part of the line that holds reserve.
func (s State) Reserved() int64 { return s.balances().Reserved() }

// AvailableCredit returns what is left of the line, from 0 to the limit.
func (s State) AvailableCredit() int64 { return s.balances().AvailableCredit() }

// OverLimit returns by how much the use of the line exceeds the limit, 0 if it does not.
func (s State) OverLimit() int64 { return s.balances().OverLimit() }

// UtilisationBps returns the use in basis points of the limit; ok is false at limit 0.
func (s State) UtilisationBps() (bps int64, ok bool) { return s.balances().UtilisationBps() }

// balances returns the account's state that has the same balances, for its arithmetic.
func (s State) balances() account.State {
	return account.State{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
}

// After returns the balances of a state, as events have them.
func After(s State) event.After {
	return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
}

// Fold returns the state after an event, or an error if the event cannot follow the state. Freezes
// change nothing here. The caller compares the result with the event's After.
func Fold(s State, e event.Event) (State, error) {
	if _, opening := e.Body.(event.AccountOpened); opening != (s.Status == "") || s.Status == account.StatusClosed {
		return s, fmt.Errorf("fold v%d: %T of an account that is %q", e.Version, e.Body, s.Status)
	}
	if s.Currency != "" && e.Currency != s.Currency {
		return s, fmt.Errorf("fold v%d: currency is %q, the account's is %q", e.Version, e.Currency, s.Currency)
	}
	switch b := e.Body.(type) {
	case event.AccountOpened:
		s.Status, s.Currency = account.StatusOpen, strings.Clone(e.Currency) // or it keeps the whole entry
		s.Limit, s.LimitVersion = b.CreditLimit, e.Version
	case event.MoneyCredited:
		s.Posted += b.Amount
	case event.MoneyWithdrawn:
		s.Posted -= b.Amount
	case event.WithdrawalDeclined:
		s.Declines++
		s.Marks = s.mark(e.Version)
	case event.HoldPlaced:
		s.Held += b.Amount
	case event.HoldCaptured:
		s.Held -= b.Amount
	case event.HoldReleased:
		s.Held -= b.Amount
	case event.TransactionReversed:
		if b.Direction == event.DirectionDebit {
			s.Posted -= b.Amount
		} else {
			s.Posted += b.Amount
		}
	case event.CreditLimitChanged:
		s.Limit, s.LimitVersion, s.ExpiresAt = b.After, e.Version, b.ExpiresAt
	case event.AccountFrozen, event.AccountUnfrozen:
	case event.AccountClosed:
		s.Status = account.StatusClosed
	default:
		return s, fmt.Errorf("fold v%d: %T is not an event", e.Version, e.Body)
	}
	return s, nil
}

// Settle returns the state after an entry that ends at a version, once its events are folded. No
// account was ever in a state between two events of one entry, such as those that capture a hold;
// such a state makes no peak and crosses no threshold.
func Settle(s State, version int64) State {
	if use := s.Drawn() + s.Reserved(); use > s.Peak {
		s.Peak, s.PeakVersion = use, version
	}
	s.Band = s.band()
	return s
}
