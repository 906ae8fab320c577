package jobs

import (
	"context"
	"errors"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/journal/restorer"
	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/shared/writer"
)

// JournalParams are the parameters of journal.
type JournalParams struct {
	DryRun bool `json:"dry_run,omitempty"`
	Sorting
	Proving
}

func (p JournalParams) changes() bool { return !p.DryRun }

// RestoreResult is what journal restored, or in a dry run would restore.
type RestoreResult struct {
	Accounts int64         `json:"accounts"`
	Entries  int64         `json:"entries"`
	Segments int           `json:"segments,omitempty"`
	Events   int64         `json:"events,omitempty"`
	Faults   replay.Faults `json:"faults"`
	Gaps     []string      `json:"gaps,omitempty"`
	// Lives are the streams that the archive was written from.
	Lives []archive.Incarnation `json:"streams"`
	// Lacking is what a dry run would write.
	Lacking *replay.Missing `json:"lacking,omitempty"`
	// Extent is how far the archive goes.
	Extent archive.Extent `json:"archive"`
	DryRun bool           `json:"dry_run,omitempty"`
}

// errWriters means that the journal cannot be restored now, because a program writes to it.
var errWriters = errors.New("a running program writes to the journal: end it first, then run replay journal again; a dry run is possible now")

// checkNoWriters returns errWriters if another process writes to the journal.
func (b Bank) checkNoWriters(ctx context.Context) error {
	if b.Exclusive {
		return nil
	}
	writing, err := writer.Active(ctx, b.Table, b.Config.Lease)
	if err == nil && writing {
		err = errWriters
	}
	return err
}

// restore restores the journal from the archive.
func (b Bank) restore(ctx context.Context, params JournalParams, p *progress.Tracker) (RestoreResult, error) {
	if !params.DryRun && b.Flush == nil {
		if err := b.checkNoWriters(ctx); err != nil {
			return RestoreResult{}, err
		}
	}
	if err := b.Stores.CheckRestore(ctx, !params.DryRun && b.Flush == nil); err != nil {
		return RestoreResult{}, err
	}
	if !params.DryRun && b.Flush == nil {
		if err := b.archiveTail(ctx); err != nil {
			return RestoreResult{}, err
		}
	}
	plan, err := b.plan(ctx, params.Proving)
	if err != nil {
		return RestoreResult{}, err
	}
	done := RestoreResult{
		Segments: len(plan.Segments), Events: plan.Events, Gaps: texts(plan.Gaps), Lives: plan.Incarnations(), Extent: plan.Extent(), DryRun: params.DryRun,
	}
	if !params.DryRun && b.Flush != nil {
		return done, errWriters
	}
	restored, err := replay.RestoreJournal(ctx, replay.RestoreConfig{
		Bucket: b.Bucket, Evidence: plan.evidence, Origin: plan.proof, Table: b.Table, Restorer: restorer.New(b.Table), Models: Models, DryRun: params.DryRun,
		Progress: p, Limits: b.scratch(params.Sorting),
	})
	if params.DryRun {
		done.Lacking = &restored.Missing
	}
	done.Accounts, done.Entries, done.Faults, done.Gaps = restored.Accounts, restored.Entries, restored.Faults, texts(restored.Gaps)
	return done, err
}

// RepublishParams are the parameters of republish.
type RepublishParams struct {
	// Stream is the full name of the stream that the entries go to; the live one only with Live.
	Stream string `json:"stream"`
	Live   bool   `json:"live,omitempty"`
	// From and To bound the entries by the time when they were recorded.
	From cli.Instant `json:"from,omitzero"`
	To   cli.Instant `json:"to,omitzero"`
	// Accounts are those to republish; none is all, or all of the tenant.
	Accounts []string `json:"accounts,omitempty"`
	OfTenant
	DryRun bool `json:"dry_run,omitempty"`
}

func (p RepublishParams) check() error {
	if p.Stream == "" {
		return wrong("--stream is missing")
	}
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Time().Before(p.To.Time()) {
		return wrong("--from is not before --to")
	}
	_, err := p.accounts()
	return err
}

// accounts returns the accounts that are named.
func (p RepublishParams) accounts() (named []event.Account, err error) {
	for _, name := range p.Accounts {
		a, err := p.OfTenant.Account(name)
		if err != nil {
			return nil, err
		}
		named = append(named, a)
	}
	return named, p.OfTenant.check()
}

func (p RepublishParams) changes() bool { return !p.DryRun }

// RepublishResult is what republish sent, or in a dry run would read from the archive.
type RepublishResult struct {
	Stream   string `json:"stream"`
	Entries  int64  `json:"entries"`
	Segments int    `json:"segments"`
	Events   int64  `json:"events_read"`
	DryRun   bool   `json:"dry_run,omitempty"`
}

// republish puts the bank's history on a stream once more.
func (b Bank) republish(ctx context.Context, params RepublishParams, p *progress.Tracker) (RepublishResult, error) {
	live := b.Config.Stream(deployment.EventStream)
	done := RepublishResult{Stream: params.Stream, DryRun: params.DryRun}
	if params.Stream == live && !params.Live {
		return done, replay.ErrLiveStream
	}
	if err := b.Stores.CheckOwner(ctx); err != nil {
		return done, err
	}
	plan, err := b.plan(ctx, Proving{})
	if err != nil && !errors.Is(err, errEmpty) { // then all of it is in the journal
		return done, err
	}
	if !params.From.IsZero() || !params.To.IsZero() {
		to := params.To.Time()
		if to.IsZero() {
			to = time.Now()
		}
		plan.Plan = plan.Between(params.From.Time(), to)
	}
	if done.Segments, done.Events = len(plan.Segments), plan.Events; params.DryRun {
		return done, nil
	}
	if err := b.CreateStream(ctx, params.Stream); err != nil {
		return done, err
	}
	c := replay.RepublishConfig{
		Bucket: b.Bucket, Journal: b.Journal, Evidence: plan.evidence, Origin: plan.proof, Table: b.Table, Streams: b.Streams, Stream: params.Stream, LiveStream: live, Live: params.Live,
		From: params.From.Time(), To: params.To.Time(), Progress: p, Compress: b.Config.CompressRecords(), Tenant: params.Tenant,
		Limits: b.scratch(Sorting{}),
	}
	if c.Accounts, err = params.accounts(); err != nil {
		return done, err
	}
	done.Entries, err = replay.Republish(ctx, c)
	return done, err
}
