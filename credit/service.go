package credit

import (
	"context"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
)

// Service carries out the commands of Operations. Refusals and declines are receipts; errors are
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

// credit bounds a credit's value date by the bank's window.
func (s *Service) credit(c *Credit) { c.ValueDates = s.valueDates }

// reverse reads the credit and whether it was reversed, and reverses it. A reversal that comes in
// between is caught by the guard, which is written with the entry.
func (s *Service) reverse(ctx context.Context, to journal.Command, c ReverseCredit) (receipt journal.Receipt, err error) {
	if c.Original, c.Reversed, err = s.journal.Original(ctx, to, c.TransactionID); err != nil {
		return receipt, err
	}
	if c.Original != nil {
		to.Reverses = c.Original.Version
	}
	to.Decide = c.Decide
	receipt, err = s.journal.Execute(ctx, to)
	return api.ReversalIn(event.DirectionDebit, receipt), err
}
