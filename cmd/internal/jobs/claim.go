package jobs

import (
	"context"

	"passbook/shared/progress"
	"passbook/shared/stores"
)

// ClaimParams are the parameters of claim: there are none.
type ClaimParams struct{}

func (ClaimParams) check() error { return nil }

func (ClaimParams) changes() bool { return true }

// claim ties the archive to this bank because an operator says so.
func (b Bank) claim(ctx context.Context, _ ClaimParams, _ *progress.Tracker) (stores.Claimed, error) {
	return b.Stores.Claim(ctx)
}
