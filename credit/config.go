package credit

import (
	"context"
	"errors"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
)

// Journal commits the service's commands and reads what they need; *journal.Journal is one. Within
// a process withdraw and credit share it.
type Journal interface {
	api.Executor
	Original(ctx context.Context, c journal.Command, transactionID string) (original *event.Event, reversed bool, err error)
}

// Config configures a Service. Its zero value is not usable.
type Config struct {
	// Journal is required.
	Journal Journal
	// ValueDates bounds how far an effective_at may be from the day of its command; zero allows
	// only that day.
	ValueDates account.Window
}

// Validate returns an error that names what is missing.
func (c Config) Validate() error {
	if c.Journal == nil {
		return errors.New("credit: no Journal")
	}
	return nil
}
