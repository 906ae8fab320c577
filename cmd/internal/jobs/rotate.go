package jobs

import (
	"context"

	"passbook/shared/origin"
	"passbook/shared/progress"
)

// RotateParams are the parameters of rotate: there are none.
type RotateParams struct{}

func (RotateParams) check() error { return nil }

func (RotateParams) changes() bool { return true }

// rotate makes a new data key, with which entries are signed from now on.
func (b Bank) rotate(ctx context.Context, _ RotateParams, _ *progress.Tracker) (origin.Rotated, error) {
	if err := b.Stores.CheckOwner(ctx); err != nil {
		return origin.Rotated{}, err
	}
	return origin.Rotate(ctx, b.Table, b.Bucket, b.Keys)
}
