package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/shared/progress"
)

// RenewParams are the parameters of stream.
type RenewParams struct {
	DryRun bool `json:"dry_run,omitempty"`
}

func (RenewParams) check() error { return nil }

// Renewed is the stream's new life.
type Renewed struct {
	Stream string    `json:"stream"`
	Since  time.Time `json:"since"`
	DryRun bool      `json:"dry_run,omitempty"`
}

// errServing: the stream is in use.
var errServing = errors.New("a running bank uses the stream: end it, and run replay stream then; a dry run is fine")

// renew gives the stream of events a new life. What it holds and no segment does is archived first,
// unless the archive is ahead of it: then it holds nothing that is not in the journal and the
// archive.
func (b Bank) renew(ctx context.Context, params RenewParams, _ *progress.Tracker) (Renewed, error) {
	done := Renewed{Stream: b.Config.Stream(deployment.EventStream), DryRun: params.DryRun}
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
