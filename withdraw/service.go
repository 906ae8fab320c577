package withdraw

import (
	"context"
	"time"

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

// withdraw bounds a withdrawal's value date by the bank's window.
func (s *Service) withdraw(c *Withdraw) { c.ValueDates = s.valueDates }

// capture reads whether the hold was ever placed, and captures it.
func (s *Service) capture(ctx context.Context, to journal.Command, c CaptureHold) (receipt journal.Receipt, err error) {
	if c.Placed, err = s.journal.Placed(ctx, to, c.HoldID); err != nil {
		return receipt, err
	}
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// release reads whether the hold was ever placed, and releases it.
func (s *Service) release(ctx context.Context, to journal.Command, c ReleaseHold) (receipt journal.Receipt, err error) {
	if c.Placed, err = s.journal.Placed(ctx, to, c.HoldID); err != nil {
		return receipt, err
	}
	to.Decide = c.Decide
	return s.journal.Execute(ctx, to)
}

// reverse reads the withdrawal and whether it was reversed, and reverses it. A reversal that comes
// in between is caught by the guard, which is written with the entry.
func (s *Service) reverse(ctx context.Context, to journal.Command, c ReverseWithdrawal) (receipt journal.Receipt, err error) {
	if c.Original, c.Reversed, err = s.journal.Original(ctx, to, c.TransactionID); err != nil {
		return receipt, err
	}
	if c.Original != nil {
		to.Reverses = c.Original.Version
	}
	to.Decide = c.Decide
	receipt, err = s.journal.Execute(ctx, to)
	return api.ReversalIn(event.DirectionCredit, receipt), err
}

// transfer moves money between two accounts. A transfer from an account to itself is executed like
// any other command, so that its key and its version are checked before it is refused.
func (s *Service) transfer(ctx context.Context, to journal.Command, c Transfer) (journal.Receipt, error) {
	if c.From == c.To {
		to.Decide = func(state account.State, now time.Time) account.Decision { return c.DecideFrom(state, state, "", now) }
		return s.journal.Execute(ctx, to)
	}
	return s.journal.Transfer(ctx, journal.Transfer{
		Command: to, To: event.Account{Tenant: to.Account.Tenant, ID: c.To},
		DecideFrom: c.DecideFrom, DecideTo: c.DecideTo,
	})
}
