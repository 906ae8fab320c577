package jobs

import (
	"context"
	"errors"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs/paststates"
	"passbook/cmd/internal/ops"
	"passbook/shared/archive"
	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/shared/stores"
)

// StatesParams are the parameters of states.
type StatesParams struct {
	// Time asks for the states after everything recorded at or before it.
	Time time.Time `json:"time"`
	OfTenant
}

func (p StatesParams) check() error {
	if p.Time.IsZero() {
		return wrong("time is missing: a time such as 2026-11-30T08:00:00Z")
	}
	return p.OfTenant.check()
}

func (StatesParams) changes() bool { return false }

// States are the states of all accounts at a time.
type States struct {
	Time time.Time `json:"time"`
	// Reaches is when the archive's newest record arrived, and Unproven counts the shards of which
	// nothing proves where they end.
	Reaches  time.Time `json:"reaches,omitzero"`
	Unproven int       `json:"unproven_shards,omitempty"`
	paststates.Summary
	Faults replay.Faults `json:"faults"`
}

// states folds all accounts from the archive up to a time.
func (b Bank) states(ctx context.Context, params StatesParams, p *progress.Tracker) (*States, error) {
	found := &States{Time: params.Time.UTC(), Summary: paststates.NewSummary()}
	c, err := b.past(ctx, params.Tenant, Sorting{}, p)
	if err != nil {
		return nil, err
	}
	c.Time = params.Time
	c.Begin = func(x archive.Extent) error {
		found.Reaches, found.Unproven = x.Reaches, x.Unproven
		return nil
	}
	found.Faults, err = replay.StatesAt(ctx, c, found.Take)
	found.Sort()
	if errors.Is(err, replay.ErrDifference) {
		err = matching{err, ops.ErrDifference}
	}
	return found, err
}

// past returns how the archive is read of all accounts, or of those of a tenant.
func (b Bank) past(ctx context.Context, tenant string, s Sorting, p *progress.Tracker) (c replay.StatesConfig, err error) {
	c = replay.StatesConfig{Bucket: b.Bucket, Tenant: tenant, Progress: p, Limits: b.scratch(s)}
	err = stores.Set{Bucket: b.Bucket, Stream: b.Config.Stream(deployment.EventStream)}.CheckStream(ctx)
	if err == nil {
		c.Evidence, err = b.evidence(ctx)
	}
	if err == nil {
		c.Origin, err = b.proof(ctx)
	}
	return c, err
}
