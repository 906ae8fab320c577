package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/shared/origin"
	"passbook/shared/progress"
)

// RenewParams are the parameters of stream.
type RenewParams struct {
	DryRun bool `json:"dry_run,omitempty"`
}

func (RenewParams) check() error { return nil }

func (p RenewParams) changes() bool { return !p.DryRun }

// RenewResult is the recreated stream.
type RenewResult struct {
	Stream string    `json:"stream"`
	Since  time.Time `json:"since"`
	DryRun bool      `json:"dry_run,omitempty"`
}

// errServing means that the stream cannot be recreated now, because a bank uses it.
var errServing = errors.New("a running bank uses the stream: end it first, then run replay stream again; a dry run is possible now")

// renew recreates the stream of events. Records that no segment has are archived first, unless the
// archive is ahead of the stream: then everything on it is in the journal and the archive.
func (b Bank) renew(ctx context.Context, params RenewParams, _ *progress.Tracker) (RenewResult, error) {
	done := RenewResult{Stream: b.Config.Stream(deployment.EventStream), DryRun: params.DryRun}
	tail, err := b.Stores.CheckRenew(ctx)
	switch {
	case err != nil || params.DryRun:
		return done, err
	case b.Flush != nil:
		return done, errServing
	case tail:
		if err := b.archiveTail(ctx); err != nil {
			return done, err
		}
	}
	if err := b.RenewStream(ctx, done.Stream); err != nil {
		return done, err
	}
	if done.Since, err = b.Streams.Created(ctx, done.Stream); err != nil {
		return done, fmt.Errorf("creation of %s: %w", done.Stream, err)
	}
	return done, nil
}

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
