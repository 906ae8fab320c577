package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/shared/event"
	"passbook/shared/money"
)

// Fold returns the state after the event. It fails, with an error that names what is wrong, for an
// event that is not the next one, that cannot follow from the state, or whose After differs from
// the folded state. It never changes what s refers to.
func Fold(s State, e event.Event) (State, error) {
	next := s
	err := next.apply(&e)
	if err == nil && next.after() != e.After {
		err = fmt.Errorf("after is %+v, folded %+v", e.After, next.after())
	}
	if err != nil {
		return s, fmt.Errorf("fold v%d: %w", e.Version, err)
	}
	return next, nil
}

func (s *State) after() event.After {
	return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
}

// apply folds as Fold does, without the comparison with After, which a draft takes from it. After
// an error s must not be used.
func (s *State) apply(e *event.Event) error {
	if err := s.precedes(e); err != nil {
		return err
	}
	s.Version, s.RecordedAt = e.Version, e.RecordedAt
	if err := s.change(e); err != nil {
		return err
	}
	if !money.Balance(s.Posted) || s.Held < 0 || s.Held > money.Max || s.Limit < 0 || s.Limit > money.Max {
		return fmt.Errorf("a balance is out of range: %+v", s.after())
	}
	return nil
}

// precedes checks what is common to all events.
func (s *State) precedes(e *event.Event) error {
	_, opening := e.Body.(event.AccountOpened)
	switch {
	case e.Version != s.Version+1:
		return fmt.Errorf("not the version after %d", s.Version)
	case s.Status == StatusClosed:
		return errors.New("the account is closed")
	case opening != (s.Version == 0):
		return errors.New("AccountOpened is version 1, and version 1 is AccountOpened")
	case !opening && e.Currency != s.Currency:
		return fmt.Errorf("currency is %q, the account's is %q", e.Currency, s.Currency)
	case e.RecordedAt.Before(s.RecordedAt):
		return fmt.Errorf("recorded at %v, before the event before at %v", e.RecordedAt, s.RecordedAt)
	}
	return nil
}

// change applies the event's body.
func (s *State) change(e *event.Event) error {
	switch b := e.Body.(type) {
	case event.AccountOpened:
		s.open(e, b)
	case event.MoneyCredited:
		s.post(e, b.Amount)
	case event.MoneyWithdrawn:
		return s.withdraw(e, b)
	case event.WithdrawalDeclined:
		if b.Available != s.Available() || b.Limit != s.Limit {
			return fmt.Errorf("declined at available %d, limit %d; folded %d, %d", b.Available, b.Limit, s.Available(), s.Limit)
		}
	case event.HoldPlaced:
		return s.place(e, b)
	case event.HoldCaptured:
		return s.capture(b)
	case event.HoldReleased:
		return s.release(b)
	case event.TransactionReversed:
		return s.reverse(e, b)
	case event.CreditLimitChanged:
		return s.setLimit(e.Version, b)
	case event.AccountFrozen:
		s.Frozen = b.Scope
	case event.AccountUnfrozen:
		s.Frozen = ""
	case event.AccountClosed:
		return s.close()
	default:
		return fmt.Errorf("%T is no event", e.Body)
	}
	return nil
}

func (s *State) open(e *event.Event, b event.AccountOpened) {
	// A string that was read from an entry shares the entry's memory: without the clone a state
	// would keep the whole entry.
	s.Status, s.Currency = StatusOpen, strings.Clone(e.Currency)
	s.HolderRef, s.Product = strings.Clone(b.HolderRef), strings.Clone(b.Product)
	s.Limit, s.LimitVersion = b.CreditLimit, e.Version
}

// post changes the posted balance; apply checks the range. The sum of two amounts in range cannot
// overflow an int64.
func (s *State) post(e *event.Event, change int64) {
	s.Posted += change
	s.LastMovement = e.RecordedAt
}

func (s *State) withdraw(e *event.Event, b event.MoneyWithdrawn) error {
	if own := fromOwn(s.Posted, b.Amount); b.FromOwn != own || b.FromCredit != b.Amount-own {
		return fmt.Errorf("split %d own, %d credit; folded %d own", b.FromOwn, b.FromCredit, own)
	}
	s.post(e, -b.Amount)
	return nil
}

// fromOwn returns the part of an amount that the posted balance covers.
func fromOwn(posted, amount int64) int64 { return min(max(posted, 0), amount) }

func (s *State) place(e *event.Event, b event.HoldPlaced) error {
	if len(s.Holds) >= MaxHolds {
		return fmt.Errorf("more than %d open holds", MaxHolds)
	}
	hold := Hold{Version: e.Version, Amount: b.Amount, PlacedAt: e.RecordedAt, ExpiresAt: b.ExpiresAt}
	// Clipped, so that append never writes into an array that another state shares.
	s.Holds = append(slices.Clip(s.Holds), hold)
	s.Held += b.Amount
	return nil
}

func (s *State) capture(b event.HoldCaptured) error {
	i, err := s.openHold(b.HoldID)
	if err != nil {
		return err
	}
	if b.Remaining != s.Holds[i].Amount-b.Amount {
		return fmt.Errorf("hold %s: captured %d of %d, remaining %d", b.HoldID, b.Amount, s.Holds[i].Amount, b.Remaining)
	}
	s.reduce(i, b.Amount)
	return nil
}

func (s *State) release(b event.HoldReleased) error {
	i, err := s.openHold(b.HoldID)
	if err != nil {
		return err
	}
	if b.Amount != s.Holds[i].Amount {
		return fmt.Errorf("hold %s: released %d of %d", b.HoldID, b.Amount, s.Holds[i].Amount)
	}
	s.reduce(i, b.Amount)
	return nil
}

func (s *State) openHold(id string) (int, error) {
	version, ok := event.ParseID('h', id)
	i := s.hold(version)
	if !ok || i < 0 {
		return 0, fmt.Errorf("hold %q is not open", id)
	}
	return i, nil
}

// reduce takes an amount off a hold, and removes the hold when nothing is left, in a copy of the
// slice.
func (s *State) reduce(i int, amount int64) {
	s.Held -= amount
	s.Holds = slices.Clone(s.Holds)
	s.Holds[i].Amount -= amount
	if s.Holds[i].Amount == 0 {
		s.Holds = slices.Delete(s.Holds, i, i+1)
	}
	if len(s.Holds) == 0 {
		s.Holds = nil
	}
}

func (s *State) reverse(e *event.Event, b event.TransactionReversed) error {
	if original, ok := event.ParseID('t', b.OriginalTransactionID); !ok || original >= e.Version {
		return fmt.Errorf("original %q is not a transaction before", b.OriginalTransactionID)
	}
	if b.Direction == event.DirectionDebit {
		s.post(e, -b.Amount)
	} else {
		s.post(e, b.Amount)
	}
	return nil
}

func (s *State) setLimit(version int64, b event.CreditLimitChanged) error {
	if b.Before != s.Limit {
		return fmt.Errorf("limit before is %d, folded %d", b.Before, s.Limit)
	}
	if b.ExpiredVersion != 0 && b.ExpiredVersion != s.LimitVersion {
		return fmt.Errorf("limit of v%d expired, folded v%d", b.ExpiredVersion, s.LimitVersion)
	}
	s.Limit, s.LimitVersion, s.LimitExpiresAt = b.After, version, b.ExpiresAt
	return nil
}

func (s *State) close() error {
	if s.Posted != 0 || s.Held != 0 || s.Limit != 0 {
		return fmt.Errorf("closed at %+v", s.after())
	}
	s.Status = StatusClosed
	return nil
}

// date returns the value date of a time.
func date(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
