package jobs

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"passbook/balance"
	"passbook/cmd/internal/deployment"
	"passbook/creditlimit"
	"passbook/shared/archive"
	"passbook/shared/consumer"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/table"
)

// RebuildParams are the parameters of rebuild.
type RebuildParams struct {
	Model string `json:"model"`
	// From is archive, or journal.
	From   string `json:"from"`
	DryRun bool   `json:"dry_run,omitempty"`
	Sorting
	Proving
}

func (p RebuildParams) check() error {
	if p.From != "archive" && p.From != "journal" {
		return wrong("--from must be archive or journal")
	}
	if err := p.Sorting.check(); err != nil {
		return err
	}
	return checkModel(p.Model)
}

func (p RebuildParams) changes() bool { return !p.DryRun }

// RebuildResult is what rebuild did, or in a dry run would read.
type RebuildResult struct {
	Model      string   `json:"model"`
	Generation int64    `json:"generation,omitempty"`
	Events     int64    `json:"events"`
	Segments   int      `json:"segments"`
	Bytes      int64    `json:"bytes"`
	Accounts   int64    `json:"accounts"`
	Blocked    int64    `json:"blocked_accounts,omitempty"`
	Gaps       []string `json:"gaps,omitempty"`
	// Extent is how far the archive goes, where it was read.
	Extent *archive.Extent `json:"archive,omitempty"`
	// Faults are the archive's damaged entries.
	Faults replay.Faults `json:"faults,omitzero"`
	DryRun bool          `json:"dry_run,omitempty"`
}

// rebuild folds the archive, or the journal, into a candidate generation.
func (b Bank) rebuild(ctx context.Context, params RebuildParams, p *progress.Tracker) (RebuildResult, error) {
	done := RebuildResult{Model: params.Model, DryRun: params.DryRun}
	c := replay.RebuildConfig{Table: b.Table, Model: params.Model, Journal: b.Journal, Progress: p, Limits: b.scratch(params.Sorting)}
	if params.From == "archive" {
		if err := b.Stores.Check(ctx); err != nil {
			return done, err
		}
		plan, err := b.plan(ctx, params.Proving)
		if err != nil {
			return done, err
		}
		done.Segments, done.Bytes, done.Gaps, done.Events = len(plan.Segments), plan.Bytes, texts(plan.Gaps), plan.Events
		c.Bucket, c.Evidence, c.Origin = b.Bucket, plan.evidence, plan.proof
		extent := plan.Extent()
		done.Extent = &extent
	}
	if params.DryRun {
		return done, nil
	}
	c.Projection = func(ctx context.Context, generation int64) (replay.Projection, error) {
		return b.projection(ctx, params.Model, generation)
	}
	c.Reserve = func(ctx context.Context, name string) error {
		if params.Model == balance.Table {
			if err := b.beginIndex(ctx, name); err != nil {
				return err
			}
		}
		return b.reserve(ctx, name)
	}
	rebuilt, err := replay.Rebuild(ctx, c)
	done.Generation, done.Events = rebuilt.Generation, rebuilt.Events
	done.Accounts, done.Blocked, done.Gaps, done.Faults = rebuilt.Accounts, rebuilt.Blocked, texts(rebuilt.Gaps), rebuilt.Faults
	return done, err
}

// beginIndex marks the index of a candidate of the balances that is about to exist.
func (b Bank) beginIndex(ctx context.Context, consumer string) error {
	live, _, err := readmodel.Generations(ctx, b.Table, balance.Table)
	if err != nil {
		return err
	}
	candidate, err := strconv.ParseInt(consumer[strings.LastIndexByte(consumer, '@')+1:], 10, 64)
	if err != nil {
		return fmt.Errorf("begin the index of %s: %w", consumer, err)
	}
	return b.Balance.Begin(ctx, live, candidate)
}

// reserve keeps programs from before entry format 2 off the shards of a consumer that is about to
// exist, once the bank's entries have that format.
func (b Bank) reserve(ctx context.Context, name string) error {
	bank, err := origin.ReadBank(ctx, b.Table)
	if err != nil || bank.Format <= 1 {
		return err
	}
	return consumer.Reserve(ctx, b.Table, b.Streams, b.Config.Stream(deployment.EventStream), name)
}

// projection folds entries into the rows of one generation of a model.
type projection interface {
	replay.Projection
	Redrive(ctx context.Context, a event.Account) error
	Refold(ctx context.Context, a event.Account) error
	MatchesJournal(ctx context.Context, a event.Account) (bool, error)
}

// projectors make the projection of a generation, by model.
type projectors map[string]func(ctx context.Context, generation int64) (projection, error)

// of makes the projection of a generation of a model.
func (ps projectors) of(ctx context.Context, model string, generation int64) (projection, error) {
	make, known := ps[model]
	if !known {
		return nil, fmt.Errorf("there is no read model %q", model)
	}
	return make(ctx, generation)
}

// projection makes the projection of a generation of a model into the bank's table.
func (b Bank) projection(ctx context.Context, model string, generation int64) (projection, error) {
	return projectors{
		balance.Table:     func(ctx context.Context, g int64) (projection, error) { return b.Balance.Projection(ctx, g) },
		creditlimit.Table: func(ctx context.Context, g int64) (projection, error) { return b.CreditLimit.Projection(ctx, g) },
	}.of(ctx, model, generation)
}

// projectionIn makes the projection of a generation of a model into another table than the bank's:
// a proof that notifies nobody.
func (b Bank) projectionIn(ctx context.Context, in table.Table, model string, generation int64) (replay.Projection, error) {
	runtime := consumer.Runtime{Table: in, Log: slog.New(slog.DiscardHandler)}
	balances := balance.NewProjector(balance.Config{Runtime: runtime, Journal: b.Journal, Store: balance.NewStore(in, 0), NoEventIndex: true})
	limits := creditlimit.NewProjector(creditlimit.Config{Runtime: runtime, Journal: b.Journal, Store: creditlimit.NewStore(in, 0)})
	return projectors{
		balance.Table:     func(ctx context.Context, g int64) (projection, error) { return balances.Projection(ctx, g) },
		creditlimit.Table: func(ctx context.Context, g int64) (projection, error) { return limits.Projection(ctx, g) },
	}.of(ctx, model, generation)
}

// PromoteParams are the parameters of promote.
type PromoteParams struct {
	Model string `json:"model"`
	// Back promotes the generation that was live before.
	Back bool `json:"back,omitempty"`
	// Force promotes in spite of differences.
	Force  bool `json:"force,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`
}

func (p PromoteParams) check() error { return checkModel(p.Model) }

func (p PromoteParams) changes() bool { return !p.DryRun }

// PromoteResult is how the candidate compares with the live generation.
type PromoteResult struct {
	Model     string `json:"model"`
	Live      int64  `json:"live"`
	Candidate int64  `json:"candidate"`
	Equal     int64  `json:"equal"`
	// Ahead are rows that the live generation does not reach; they are as the journal makes them.
	Ahead    int64         `json:"ahead,omitempty"`
	Faults   replay.Faults `json:"faults"`
	Promoted bool          `json:"promoted"`
	// Back says that nothing was compared: Candidate is the generation that was live before.
	Back bool `json:"back,omitempty"`
}

// promote compares the candidate with the live generation, and with the journal where rows never
// meet, and makes it live when they are equal.
func (b Bank) promote(ctx context.Context, params PromoteParams, p *progress.Tracker) (PromoteResult, error) {
	done := PromoteResult{Model: params.Model}
	if params.Back {
		return b.promoteBack(ctx, params, done)
	}
	c := replay.CompareConfig{
		Table: b.Table, Model: params.Model, Journal: b.Journal, Progress: p,
		Projection: func(ctx context.Context, in table.Table, generation int64) (replay.Projection, error) {
			return b.projectionIn(ctx, in, params.Model, generation)
		},
	}
	if params.Model == balance.Table {
		c.Derived = b.compareDerived("", p)
	}
	var found replay.CompareResult
	var err error
	if params.DryRun {
		found, err = replay.Compare(ctx, c)
	} else {
		found, err = replay.Promote(ctx, c, params.Force)
		done.Promoted = err == nil
	}
	done.Live, done.Candidate, done.Equal, done.Ahead, done.Faults = found.Live, found.Candidate, found.Equal, found.Ahead, found.Faults
	return done, err
}

// promoteBack makes the previous generation live again.
func (b Bank) promoteBack(ctx context.Context, params PromoteParams, done PromoteResult) (PromoteResult, error) {
	g, err := readmodel.LoadGenerations(ctx, b.Table, params.Model)
	if err != nil {
		return done, err
	}
	done.Live, done.Candidate, done.Back = g.Live, g.Previous, true
	if g.Previous == 0 {
		return done, fmt.Errorf("%s has no previous generation, or it was discarded: replay rebuild --model %s makes a new one", params.Model, params.Model)
	}
	if params.DryRun {
		return done, nil
	}
	err = readmodel.Promote(ctx, b.Table, params.Model, g.Previous)
	done.Promoted = err == nil
	return done, err
}

// DiscardParams are the parameters of discard.
type DiscardParams struct {
	Model string `json:"model"`
	// Force discards a previous generation although the other is not caught up with it.
	Force  bool `json:"force,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`
}

func (p DiscardParams) check() error { return checkModel(p.Model) }

func (p DiscardParams) changes() bool { return !p.DryRun }

// DiscardResult is what discard removed.
type DiscardResult struct {
	Model      string `json:"model"`
	Live       int64  `json:"live"`
	Generation int64  `json:"generation"`
	// Resumed says that an earlier discard of the generation had been interrupted.
	Resumed bool `json:"resumed,omitempty"`
	DryRun  bool `json:"dry_run,omitempty"`
}

// discard removes the candidate, or else the previous generation. A discard that was interrupted is
// completed first: its generation may have no other name any more, and only a part of its rows.
func (b Bank) discard(ctx context.Context, params DiscardParams, p *progress.Tracker) (DiscardResult, error) {
	g, err := readmodel.LoadGenerations(ctx, b.Table, params.Model)
	if err != nil {
		return DiscardResult{}, err
	}
	done := DiscardResult{
		Model: params.Model, Live: g.Live, Generation: cmp.Or(g.Discarding, g.Candidate, g.Previous), Resumed: g.Discarding != 0,
		DryRun: params.DryRun,
	}
	switch {
	case done.Generation == 0:
		return done, fmt.Errorf("%s has only its live generation %d: nothing to discard", params.Model, g.Live)
	case params.DryRun:
		return done, nil
	}
	p.Begin("discard "+readmodel.Name(params.Model, done.Generation), "generations", 1)
	err = replay.Discard(ctx, readmodel.DiscardConfig{
		Table: b.Table, Model: params.Model, Stream: b.Config.Stream(deployment.EventStream), Generation: done.Generation, Lease: b.Config.Lease, Force: params.Force,
		Further: further[params.Model],
	})
	p.Add(1)
	return done, err
}

// further has the table of the further rows of the models that have some.
var further = map[string]string{balance.Table: derived.Table}
