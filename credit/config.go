package credit

import (
	"context"
	"errors"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
)

// Journal is what the service commits through and reads back from; *journal.Journal is one. Within
// a process withdraw and credit share it.
type Journal interface {
	Execute(ctx context.Context, c journal.Command) (journal.Receipt, error)
	Event(ctx context.Context, a event.Account, version int64) (event.Event, *event.Entry, error)
	Reversed(ctx context.Context, a event.Account, version int64) (bool, error)
}

// Config is what the service needs. Its zero value is not usable.
type Config struct {
	// Journal is required.
	Journal Journal
	// ValueDates is how far an effective_at may lie from the day of its command; zero allows that
	// day alone.
	ValueDates account.Window
}

// Validate names what is missing.
func (c Config) Validate() error {
	if c.Journal == nil {
		return errors.New("credit: no Journal")
	}
	return nil
}
