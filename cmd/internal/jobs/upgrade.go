package jobs

import (
	"context"
	"time"

	"passbook/archiver"
	"passbook/cmd/internal/deployment"
	"passbook/shared/progress"
	"passbook/shared/upgrade"
)

// UpgradeParams are the parameters of upgrade.
type UpgradeParams struct {
	DryRun bool `json:"dry_run,omitempty"`
	// WaitSeconds bounds the wait for the writers to follow; 0 is the default of package upgrade.
	WaitSeconds float64 `json:"wait_seconds,omitempty"`
	// ListAgain makes a list of heads that the bucket has lost from the journal.
	ListAgain bool `json:"list_again,omitempty"`
}

func (p UpgradeParams) check() error {
	if !(p.WaitSeconds >= 0) {
		return wrong("--wait is negative")
	}
	return nil
}

func (p UpgradeParams) changes() bool { return !p.DryRun }

// upgrade switches the bank to the newest entry format.
func (b Bank) upgrade(ctx context.Context, params UpgradeParams, p *progress.Tracker) (upgrade.Result, error) {
	check := b.Stores.Begin // a bank from before there were rows gets one
	if params.DryRun {
		check = b.Stores.Check
	}
	if err := check(ctx); err != nil {
		return upgrade.Result{}, err
	}
	return upgrade.Run(ctx, upgrade.Config{
		Table: b.Table, Bucket: b.Bucket, Keys: b.Keys, Journal: b.Journal,
		Stream: b.Config.Stream(deployment.EventStream), Consumers: []string{archiver.Name}, Models: Models, Lease: b.Config.Lease,
		RaiseFormat: b.RaiseFormat, Exclusive: b.Exclusive, Serving: b.Flush != nil,
		Wait: time.Duration(params.WaitSeconds * float64(time.Second)), DryRun: params.DryRun, ListAgain: params.ListAgain, Progress: p,
	})
}
