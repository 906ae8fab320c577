package creditlimit

import (
	"fmt"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// State is the use of one account's line of credit, in minor units. The zero State is an account
// that does not exist.
type State struct {
	// Status is open or closed.
	Status, Currency string
	// Posted, Held and Limit are what the use is derived from.
	Posted, Held, Limit int64
	// LimitVersion is the event that set Limit, ExpiresAt when it falls to 0 by itself (zero:
	// never).
	LimitVersion int64
	ExpiresAt    time.Time
	// Peak is the most that was ever drawn and reserved after an entry, PeakVersion the last event
	// of the first that made it so.
	Peak, PeakVersion int64
	// Declines counts the withdrawals, holds and transfers refused for want of funds or limit.
	Declines int64
	// Band is the highest threshold that the utilisation had reached after the last entry that left
	// a limit, in basis points; 0 for none.
	Band int64
}

// Drawn is what of the line is in use by what is posted.
func (s State) Drawn() int64 { return s.balances().Drawn() }

// Reserved is what of the line is set aside by holds.
func (s State) Reserved() int64 { return s.balances().Reserved() }

// AvailableCredit is what of the line is left: between 0 and the limit.
func (s State) AvailableCredit() int64 { return s.balances().AvailableCredit() }

// OverLimit is by how much the use of the line exceeds it.
func (s State) OverLimit() int64 { return s.balances().OverLimit() }

// UtilisationBps is the use in basis points of the limit; there is none at limit 0.
func (s State) UtilisationBps() (bps int64, ok bool) { return s.balances().UtilisationBps() }

// balances lends the state the account's arithmetic.
func (s State) balances() account.State {
	return account.State{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
}

// After is what the state stands at, as events give it.
func After(s State) event.After {
	return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
}

// Fold is the state after the event. Freezes change nothing here. It refuses what cannot follow;
// that the result is the event's After is for the caller to compare.
func Fold(s State, e event.Event) (State, error) {
	if _, opening := e.Body.(event.AccountOpened); opening != (s.Status == "") || s.Status == account.StatusClosed {
		return s, fmt.Errorf("fold v%d: %T of an account that is %q", e.Version, e.Body, s.Status)
	}
	if s.Currency != "" && e.Currency != s.Currency {
		return s, fmt.Errorf("fold v%d: currency is %q, the account's is %q", e.Version, e.Currency, s.Currency)
	}
	switch b := e.Body.(type) {
	case event.AccountOpened:
		s.Status, s.Currency = account.StatusOpen, e.Currency
		s.Limit, s.LimitVersion = b.CreditLimit, e.Version
	case event.MoneyCredited:
		s.Posted += b.Amount
	case event.MoneyWithdrawn:
		s.Posted -= b.Amount
	case event.WithdrawalDeclined:
		s.Declines++
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
		return s, fmt.Errorf("fold v%d: %T is no event", e.Version, e.Body)
	}
	return s, nil
}

// Settle is the state after an entry that ends at a version, once its events are folded. What the
// use of the line rose to or fell to between two events of one entry, as where a hold is captured,
// nobody ever had: it makes no peak and crosses no threshold.
func Settle(s State, version int64) State {
	if use := s.Drawn() + s.Reserved(); use > s.Peak {
		s.Peak, s.PeakVersion = use, version
	}
	s.Band = s.band()
	return s
}
