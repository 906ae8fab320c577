package credit

import (
	"context"
	"errors"
	"fmt"

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

// Open opens an account.
func (s *Service) Open(ctx context.Context, to journal.Command, c Open) (journal.Receipt, error) {
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// Credit brings money in.
func (s *Service) Credit(ctx context.Context, to journal.Command, c Credit) (journal.Receipt, error) {
	c.ValueDates = s.valueDates
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// SetLimit sets the authorised limit.
func (s *Service) SetLimit(ctx context.Context, to journal.Command, c SetLimit) (journal.Receipt, error) {
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// Freeze stops debits, or everything.
func (s *Service) Freeze(ctx context.Context, to journal.Command, c Freeze) (journal.Receipt, error) {
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// Unfreeze lifts a freeze.
func (s *Service) Unfreeze(ctx context.Context, to journal.Command, c Unfreeze) (journal.Receipt, error) {
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// Close ends an empty account.
func (s *Service) Close(ctx context.Context, to journal.Command, c Close) (journal.Receipt, error) {
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// ReverseCredit takes a credit back. The original and whether it was reversed are read before the
// decision; a reversal that comes in between is caught by the guard, which is put with the entry.
func (s *Service) ReverseCredit(ctx context.Context, to journal.Command, c ReverseCredit) (journal.Receipt, error) {
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
