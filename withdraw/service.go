package withdraw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
)

// Service carries commands out. Every method takes, in to, all of a journal's command but the
// rules, and a valid command; ctx has a deadline. Refusals and declines are receipts; errors are
// the journal's. Safe for concurrent use.
type Service struct {
	journal    Journal
	valueDates account.Window
}

// New makes a service on a journal.
func New(c Config) (*Service, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Service{journal: c.Journal, valueDates: c.ValueDates}, nil
}

// Withdraw takes money out.
func (s *Service) Withdraw(ctx context.Context, to journal.Command, c Withdraw) (journal.Receipt, error) {
	c.ValueDates = s.valueDates
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// PlaceHold sets money aside.
func (s *Service) PlaceHold(ctx context.Context, to journal.Command, c PlaceHold) (journal.Receipt, error) {
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// CaptureHold turns a hold into a withdrawal.
func (s *Service) CaptureHold(ctx context.Context, to journal.Command, c CaptureHold) (journal.Receipt, error) {
	var err error
	if c.Placed, err = s.placed(ctx, to.Account, c.HoldID); err != nil {
		return journal.Receipt{}, err
	}
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// ReleaseHold gives a hold up.
func (s *Service) ReleaseHold(ctx context.Context, to journal.Command, c ReleaseHold) (journal.Receipt, error) {
	var err error
	if c.Placed, err = s.placed(ctx, to.Account, c.HoldID); err != nil {
		return journal.Receipt{}, err
	}
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// ReverseWithdrawal takes a withdrawal back. The original and whether it was reversed are read
// before the decision; a reversal that comes in between is caught by the guard, which is put with
// the entry.
func (s *Service) ReverseWithdrawal(ctx context.Context, to journal.Command, c ReverseWithdrawal) (journal.Receipt, error) {
	version, ok := event.ParseID('t', c.TransactionID)
	if ok {
		var err error
		if c.Original, err = s.event(ctx, to.Account, version); err != nil {
			return journal.Receipt{}, err
		}
	}
	if c.Original != nil {
		var err error
		if c.Reversed, err = s.journal.Reversed(ctx, to.Account, version); err != nil {
			return journal.Receipt{}, fmt.Errorf("read original %s: %w: %w", c.TransactionID, journal.ErrUnavailable, err)
		}
		to.Reverses = version
	}
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// Transfer moves money between two accounts. One from an account to itself goes the way of other
// commands, so that its key and its version are looked at before it is refused.
func (s *Service) Transfer(ctx context.Context, to journal.Command, c Transfer) (journal.Receipt, error) {
	if c.From == c.To {
		to.Decide = func(state account.State, now time.Time) account.Decision { return c.DecideFrom(state, state, "", now) }
		return s.journal.Execute(ctx, to)
	}
	return s.journal.Transfer(ctx, journal.Transfer{
		Command: to, To: event.Account{Tenant: to.Account.Tenant, ID: c.To},
		DecideFrom: c.DecideFrom, DecideTo: c.DecideTo,
	})
}

// Expire writes down what has run out on an idle account; nothing when nothing has.
func (s *Service) Expire(ctx context.Context, to journal.Command, c Expire) (journal.Receipt, error) {
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// placed says whether an id names an event that placed a hold.
func (s *Service) placed(ctx context.Context, a event.Account, holdID string) (bool, error) {
	version, ok := event.ParseID('h', holdID)
	if !ok {
		return false, nil
	}
	ev, err := s.event(ctx, a, version)
	if err != nil || ev == nil {
		return false, err
	}
	_, ok = ev.Body.(event.HoldPlaced)
	return ok, nil
}

// event is the account's event of that version, nil when there is none.
func (s *Service) event(ctx context.Context, a event.Account, version int64) (*event.Event, error) {
	ev, _, err := s.journal.Event(ctx, a, version)
	if errors.Is(err, journal.ErrNoEvent) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", a.EventID(version), journal.ErrUnavailable, err)
	}
	return &ev, nil
}
