package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/journal"
	"passbook/shared/progress"
)

// ClockParams are the parameters of clock.
type ClockParams struct {
	// Account is the account whose time is accepted.
	Account string `json:"account"`
	OfTenant
}

func (p ClockParams) check() error {
	if p.Account == "" {
		return wrong("the account is missing")
	}
	_, err := p.OfTenant.Account(p.Account)
	return err
}

func (ClockParams) changes() bool { return true }

func (p ClockParams) about() string { return p.aboutAccount(p.Account) }

// ClockResult is until when an account keeps its time.
type ClockResult struct {
	Tenant  string    `json:"tenant"`
	Account string    `json:"account_id"`
	Until   time.Time `json:"until"`
}

// acceptClock lets an account take commands again whose last entry is far ahead of the clock.
func (b Bank) acceptClock(ctx context.Context, params ClockParams, _ *progress.Tracker) (ClockResult, error) {
	of, err := params.OfTenant.Account(params.Account)
	if err != nil {
		return ClockResult{}, err
	}
	until, err := b.Journal.AcceptTime(ctx, of)
	if errors.Is(err, journal.ErrNoEvent) {
		return ClockResult{}, fmt.Errorf("%w: there is no account %s", ErrParams, of)
	}
	if err != nil {
		return ClockResult{}, err
	}
	return ClockResult{of.Tenant, of.ID, until}, nil
}
