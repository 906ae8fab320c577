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
	// Account is the account whose time is accepted.
	Account string `json:"account"`
}

func (p ClockParams) check() error {
	if p.Account == "" {
		return wrong("the account is missing")
	}
	return nil
}

// ClockResult is until when an account keeps its time.
type ClockResult struct {
	Account string    `json:"account_id"`
	Until   time.Time `json:"until"`
}

// acceptClock lets an account take commands again whose last entry is far ahead of the clock.
func (b Bank) acceptClock(ctx context.Context, params ClockParams, _ *progress.Tracker) (ClockResult, error) {
	until, err := b.Journal.AcceptTime(ctx, event.Account{Tenant: api.Tenant, ID: params.Account})
	if errors.Is(err, journal.ErrNoEvent) {
		return ClockResult{}, fmt.Errorf("%w: there is no account %s", ErrParams, params.Account)
	}
	if err != nil {
		return ClockResult{}, err
	}
	return ClockResult{params.Account, until}, nil
}
