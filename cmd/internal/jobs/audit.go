package jobs

import (
	"context"
	"errors"
	"time"

	"passbook/balance"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/ops"
	"passbook/shared/audit"
	"passbook/shared/derived"
	derivedrows "passbook/shared/derived/verify"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/webhook"
	"passbook/shared/webhook/delivery"
	"passbook/shared/webhook/verify"
)

// AuditParams are the parameters of audit.
type AuditParams struct {
	// GraceSeconds is how long an entry may be in transit; 0 is the age of a segment and
	// usualDelay.
	GraceSeconds float64 `json:"grace_seconds,omitempty"`
	// Repair repairs what can be repaired.
	Repair bool `json:"repair,omitempty"`
	OfTenant
	Sorting
}

func (p AuditParams) check() error {
	if !(p.GraceSeconds >= 0) {
		return wrong("--grace is negative")
	}
	if err := p.Sorting.check(); err != nil {
		return err
	}
	return p.OfTenant.check()
}

func (p AuditParams) changes() bool { return p.Repair }

// usualDelay is what publishing, projecting and sealing take on top of a segment's age.
const usualDelay = 10 * time.Second

// audit proves that journal, archive and read models agree.
func (b Bank) audit(ctx context.Context, params AuditParams, p *progress.Tracker) (*audit.Report, error) {
	if err := b.Stores.CheckOwner(ctx); err != nil {
		return nil, err
	}
	grace := b.Config.SegmentAge + usualDelay
	if params.GraceSeconds > 0 {
		grace = time.Duration(params.GraceSeconds * float64(time.Second))
	}
	proof, err := b.proof(ctx)
	if err != nil {
		return nil, err
	}
	c := audit.Config{
		Table: b.Table, Accounts: b.Journal, Bucket: b.Bucket, Origin: proof, Models: Models, Grace: grace,
		Progress: p, Tenant: params.Tenant, Derived: b.derived(params.Tenant),
		Deliveries: b.deliveries(params.Tenant), Limits: b.scratch(params.Sorting),
	}
	if params.Repair {
		c.Repair = &audit.Repair{
			Streams: b.Streams, Stream: b.Config.Stream(deployment.EventStream), Compress: b.Config.CompressRecords(),
			CatchUp: b.catchUp, Refold: b.refold, Delivery: b.repairDelivery,
		}
	}
	report, err := audit.Run(ctx, c)
	if err == nil && params.Tenant != "" && empty(report) { // a misspelt name would prove nothing
		return report, wrong("--tenant %s: no account of this tenant is in journal, archive or read models", params.Tenant)
	}
	if errors.Is(err, audit.ErrDifference) {
		err = matching{err, ops.ErrDifference}
	}
	return report, err
}

// derived returns the further rows that an audit compares.
func (b Bank) derived(tenant string) *audit.Derived {
	return &audit.Derived{Model: balance.Table, Table: derived.Table, Compare: b.compareDerived(tenant, nil)}
}

// compareDerived returns the comparison of the further rows of the balances, of one tenant or of
// all, with the journal. p is nil where the job counts it all as one phase.
func (b Bank) compareDerived(tenant string, p *progress.Tracker) func(context.Context, int64, func(readmodel.Difference)) (readmodel.Compared, error) {
	return func(ctx context.Context, generation int64, found func(readmodel.Difference)) (readmodel.Compared, error) {
		c := derivedrows.Config{Table: b.Table, Model: balance.Table, Journal: b.Journal, Tenant: tenant, Now: b.Balance.Now, Progress: p}
		return derivedrows.Run(ctx, c, generation, found)
	}
}

// deliveries returns the rows of what is sent to webhooks that an audit compares. It learns no
// secret.
func (b Bank) deliveries(tenant string) *audit.Deliveries {
	return &audit.Deliveries{Table: delivery.Table, Compare: func(ctx context.Context, settled time.Time, found func(verify.Difference)) (verify.Compared, error) {
		registry := webhook.NewRegistry(webhook.Config{Table: b.Table, Log: b.Log})
		return verify.Run(ctx, verify.Config{Table: b.Table, Name: delivery.Table, Journal: b.Journal, Registry: registry, Tenant: tenant, Settled: settled}, found)
	}}
}

// repairDelivery has an account sent what its row does not know of, or removes a row that is of
// nothing.
func (b Bank) repairDelivery(ctx context.Context, d verify.Difference) error {
	rows := delivery.NewStore(b.Table, b.Journal, b.Balance.Now)
	if d.Endpoint == nil {
		return rows.Discard(ctx, d.Key)
	}
	return rows.Repair(ctx, d.Endpoint, d.Account)
}

// empty reports whether no source has an account.
func empty(r *audit.Report) bool {
	for _, total := range r.Totals {
		if total.Accounts > 0 {
			return false
		}
	}
	return true
}

// catchUp folds an account's live row of a model up to the journal's head.
func (b Bank) catchUp(ctx context.Context, model string, a event.Account) error {
	to, err := b.liveProjection(ctx, model)
	if err == nil {
		_, err = to.CatchUp(ctx, a)
	}
	return err
}

// refold folds an account's live row of a model from the journal's first entry.
func (b Bank) refold(ctx context.Context, model string, a event.Account) error {
	to, err := b.liveProjection(ctx, model)
	if err == nil {
		err = to.Refold(ctx, a)
	}
	return err
}

// liveProjection makes the projection of the live generation of a model.
func (b Bank) liveProjection(ctx context.Context, model string) (projection, error) {
	live, _, err := readmodel.Generations(ctx, b.Table, model)
	if err != nil {
		return nil, err
	}
	return b.projection(ctx, model, live)
}

// CoverageParams are the parameters of coverage, which has none.
type CoverageParams struct{ look }

func (CoverageParams) check() error { return nil }

// coverage proves by the archive alone that it has every version of each account.
func (b Bank) coverage(ctx context.Context, _ CoverageParams, p *progress.Tracker) (*audit.Covered, error) {
	if err := b.Stores.CheckOwner(ctx); err != nil {
		return nil, err
	}
	plan, err := b.plan(ctx, Proving{})
	if err != nil {
		return nil, err
	}
	covered, err := audit.Coverage(ctx, audit.CoverageConfig{Bucket: b.Bucket, Plan: plan.Plan, Origin: plan.proof, Progress: p})
	if errors.Is(err, audit.ErrDifference) {
		err = matching{err, ops.ErrDifference}
	}
	return covered, err
}
