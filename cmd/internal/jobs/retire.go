package jobs

import (
	"context"

	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/shared/segment"
	"passbook/shared/stores"
)

// RetireParams are the parameters of retire.
type RetireParams struct {
	// Key is the segment's.
	Key    string `json:"key"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (p RetireParams) check() error {
	if _, err := segment.ParseKey(p.Key); err != nil {
		return wrong("KEY must be the key of a segment, as audit prints it: %v", err)
	}
	return nil
}

func (p RetireParams) changes() bool { return !p.DryRun }

// retire marks a damaged or missing segment as replaced by the segments that have its entries.
func (b Bank) retire(ctx context.Context, params RetireParams, p *progress.Tracker) (replay.RetireResult, error) {
	if err := b.Stores.CheckOwner(ctx); err != nil {
		return replay.RetireResult{}, err
	}
	if b.Flush != nil {
		if err := b.Flush(ctx); err != nil {
			return replay.RetireResult{}, err
		}
	}
	known, err := b.evidence(ctx)
	if err != nil {
		return replay.RetireResult{}, err
	}
	proof, err := b.proof(ctx)
	if err != nil {
		return replay.RetireResult{}, err
	}
	return replay.Retire(ctx, replay.RetireConfig{
		Bucket: b.Bucket, Journal: b.Journal, Evidence: known, Origin: proof, Key: params.Key, Grace: b.Config.SegmentAge + usualDelay,
		DryRun: params.DryRun, Progress: p,
	})
}

// ClaimParams are the parameters of claim: there are none.
type ClaimParams struct{}

func (ClaimParams) check() error { return nil }

func (ClaimParams) changes() bool { return true }

// claim ties the archive to this bank because an operator says so.
func (b Bank) claim(ctx context.Context, _ ClaimParams, _ *progress.Tracker) (stores.Claimed, error) {
	return b.Stores.Claim(ctx)
}
