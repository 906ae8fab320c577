package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/progress"
)

// ClockParams are the parameters of clock.
type ClockParams struct {
	// Account is the one whose time is accepted.
	Account string `json:"account"`
}

func (p ClockParams) check() error {
	if p.Account == "" {
		return wrong("name an account")
	}
	return nil
}

// Accepted is up to when an account's time stands.
type Accepted struct {
	Account string    `json:"account_id"`
	Until   time.Time `json:"until"`
}

// acceptClock lets an account go on whose last entry is far ahead of the clock.
func (b Bank) acceptClock(ctx context.Context, params ClockParams, _ *progress.Tracker) (Accepted, error) {
	until, err := b.Journal.AcceptTime(ctx, event.Account{Tenant: api.Tenant, ID: params.Account})
	if errors.Is(err, journal.ErrNoEvent) {
		return Accepted{}, fmt.Errorf("%w: there is no account %s", ErrParams, params.Account)
	}
	if err != nil {
		return Accepted{}, err
	}
	return Accepted{params.Account, until}, nil
}
