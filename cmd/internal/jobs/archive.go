package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"passbook/cmd/internal/jobs/sealday"
	"passbook/cmd/internal/ops"
	"passbook/shared/archive"
	"passbook/shared/archivelog"
	"passbook/shared/endofday"
	"passbook/shared/origin"
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
		DryRun: params.DryRun, Progress: p, Limits: b.scratch(Sorting{}),
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

// ArchiveLogParams are the parameters of archive-log, which has none.
type ArchiveLogParams struct{ look }

func (ArchiveLogParams) check() error { return nil }

// ArchiveLog is what somebody outside the bank needs to check its archive.
type ArchiveLog struct {
	Bank string `json:"bank"`
	// Keys are the public keys of the log, the oldest first.
	Keys []string `json:"keys"`
	// Checkpoint is the newest one with its signature; empty if there is none.
	Checkpoint string `json:"checkpoint,omitempty"`
}

// archiveLog returns the public keys of the archive's log and its newest checkpoint. A key is given
// only if the bank's wrapper can open its private half: others may put objects into the bucket too.
func (b Bank) archiveLog(ctx context.Context, _ ArchiveLogParams, _ *progress.Tracker) (ArchiveLog, error) {
	if err := b.Stores.CheckOwner(ctx); err != nil {
		return ArchiveLog{}, err
	}
	bank, err := origin.ReadBank(ctx, b.Table)
	if err != nil {
		return ArchiveLog{}, err
	}
	found := ArchiveLog{Bank: bank.ID}
	found.Keys, err = archivelog.PublicKeys(ctx, b.Bucket, b.Keys, bank.ID)
	if err != nil || len(found.Keys) == 0 {
		return found, err
	}
	keys, err := archivelog.ParseKeys([]byte(strings.Join(found.Keys, "\n")))
	if err != nil {
		return found, fmt.Errorf("keys of the archive's log: %w", err)
	}
	for stored, err := range archivelog.Checkpoints(ctx, b.Bucket, keys) {
		if err != nil {
			return found, err
		}
		if stored.Err == nil {
			found.Checkpoint = string(stored.Text)
			break
		}
	}
	return found, nil
}

// SealDayParams are the parameters of seal-day.
type SealDayParams struct{ sealday.Day }

func (p SealDayParams) check() error {
	if err := p.Check(); err != nil {
		return wrong("%v", err)
	}
	return nil
}

func (SealDayParams) changes() bool { return true }

// sealDay makes the signed manifest of a day.
func (b Bank) sealDay(ctx context.Context, params SealDayParams, p *progress.Tracker) (endofday.Sealed, error) {
	if err := b.Stores.CheckOwner(ctx); err != nil {
		return endofday.Sealed{}, err
	}
	sealed, err := sealday.Bank{
		Table: b.Table, Bucket: b.Bucket, Keys: b.Keys, Journal: b.Journal, Log: b.Log, Exclusive: b.Exclusive,
		ArchiveTail: b.archiveTail, Tips: b.tips, Behind: b.behind, Flush: b.Flush, AppendLog: b.AppendLog,
		Evidence: b.evidence, Wait: b.Config.SegmentAge + usualDelay,
	}.Seal(ctx, params.Day, endofday.Config{
		Now: b.Balance.Now, Progress: p,
		Gaps: func(ctx context.Context) ([]archive.Gap, error) {
			plan, err := b.plan(ctx, Proving{})
			return plan.Gaps, err
		},
	})
	switch {
	case errors.Is(err, endofday.ErrOrder):
		err = wrong("%v", err)
	case errors.Is(err, endofday.ErrBroken):
		err = matching{err, ops.ErrDifference}
	}
	return sealed, err
}
