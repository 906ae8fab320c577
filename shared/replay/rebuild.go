package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay/marks"
	"passbook/shared/replay/sources"
	"passbook/shared/segment"
	"passbook/shared/table"
)

const (
	// defaultChunkEvents is how many events of a source are collected before they are folded, about
	// 1 KB each. A larger chunk needs fewer writes of a row.
	defaultChunkEvents = 32 << 10
	// accountsAtOnce is how many accounts are written concurrently: each write waits for a round
	// trip or an fsync.
	accountsAtOnce = 64
)

// Projection folds into one generation of a read model; *readmodel.Projection is one. It applies
// the version rule, fills gaps from the journal, and puts an account in quarantine that cannot be
// folded further.
type Projection interface {
	ProjectEntries(ctx context.Context, a event.Account, entries []*event.Entry) error
	CatchUp(ctx context.Context, a event.Account) (int64, error)
}

// RebuildConfig configures Rebuild.
type RebuildConfig struct {
	Table table.Table
	// Model is the read model's name, such as "balance".
	Model string
	// Projection opens the projection of a generation.
	Projection func(ctx context.Context, generation int64) (Projection, error)
	// Reserve is called with the name of the candidate's consumer before any program can see the
	// candidate; nil does nothing. It keeps programs of an older release off its shards.
	Reserve func(ctx context.Context, consumer string) error
	// Bucket has the archive; nil rebuilds from the journal alone.
	Bucket bucket.Bucket
	// Evidence is what is known of the archive from outside it.
	Evidence archive.Evidence
	// Origin shows which entries of the archive are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Journal has the accounts that are brought up to their heads at the end.
	Journal  readmodel.Journal
	Progress *progress.Tracker
	// ChunkEvents is how many events of a source are collected before they are folded; 0 means a
	// default of about 32 MB for each source that is read at once.
	ChunkEvents int64
}

// RebuildResult is what Rebuild did.
type RebuildResult struct {
	// Generation is the candidate, beside the live generation.
	Generation int64
	// Events were read from the archive; Skipped segments were done by an earlier run.
	Events  int64
	Skipped int
	// Accounts were brought up to the journal's head; Blocked of them are in quarantine.
	Accounts, Blocked int64
	// Gaps are the parts that the archive lacks, Faults its damaged entries. Their entries came
	// from the journal, as far as it has them.
	Gaps   []archive.Gap
	Faults Faults
}

// Rebuild folds the archive into a candidate generation, a new one or the one that exists, and then
// brings each account up to the journal's head. The candidate's own worker may follow the stream at
// the same time. After an interruption it continues after the last segment that was folded. Compare
// judges the result. A gap in the archive is ErrDifference at the end. While a generation is being
// discarded Rebuild returns ErrGeneration.
func Rebuild(ctx context.Context, c RebuildConfig) (RebuildResult, error) {
	var done RebuildResult
	err := c.checkNoDiscard(ctx)
	if err == nil {
		done.Generation, err = readmodel.StartCandidate(ctx, c.Table, c.Model, c.Reserve)
	}
	if err != nil {
		return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
	}
	to, err := c.Projection(ctx, done.Generation)
	if err != nil {
		return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
	}
	if c.Bucket != nil {
		err = c.fromArchive(ctx, to, &done)
		if err != nil {
			return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
		}
	}
	err = c.catchUp(ctx, to, &done)
	if err != nil {
		return done, fmt.Errorf("rebuild %s: %w", c.Model, err)
	}
	err = gapsError(done.Gaps)
	if err == nil && done.Faults.Count > 0 {
		err = ErrDifference
	}
	return done, err
}

// checkNoDiscard refuses to begin beside a discard. The candidate may be what is discarded, without
// a worker to follow the stream and never to be promoted; and a discard that was interrupted would
// be forgotten if the next one were of another generation.
func (c RebuildConfig) checkNoDiscard(ctx context.Context) error {
	g, err := readmodel.LoadGenerations(ctx, c.Table, c.Model)
	if err == nil && g.Discarding != 0 {
		err = fmt.Errorf("generation %d is being discarded: if that was interrupted, replay discard --model %s continues it: %w",
			g.Discarding, c.Model, readmodel.ErrGeneration)
	}
	return err
}

func (c RebuildConfig) fromArchive(ctx context.Context, to Projection, done *RebuildResult) error {
	p, err := loadPlan(ctx, c.Bucket, c.Evidence, c.Origin)
	if err != nil {
		return err
	}
	var damaged damage
	folded, err := marks.Load(ctx, c.Table, readmodel.Name(c.Model, done.Generation))
	if err != nil {
		return err
	}
	left := p.Filter(func(s archive.Planned) bool { return !folded.Done(s) })
	done.Skipped = len(p.Segments) - len(left.Segments)
	c.Progress.Begin("fold the archive into "+readmodel.Name(c.Model, done.Generation), "events", left.Events)
	var events atomic.Int64
	// Exact: the mac of an entry is over its hash, and further rows name its actors and correlation
	// ids, which a fold does not need.
	err = sources.Read(ctx, c.Bucket, left, segment.Exact, func() sources.Sink {
		return &sourceFolder{
			to: to, marks: folded, events: &events, progress: c.Progress, damage: &damaged, chunkEvents: cmp.Or(c.ChunkEvents, defaultChunkEvents),
			origin: c.Origin, journal: c.Journal, tips: map[event.Account]origin.Link{},
		}
	})
	if err == nil && c.Origin.Complete() && c.Origin.Heads.Accounts() > 0 {
		err = c.proveRows(ctx, to, done.Generation, &damaged.entries)
	}
	done.Events, done.Gaps = events.Load(), damaged.addTo(p).Gaps
	done.Faults, _ = damaged.entries.result()
	return err
}

// catchUp brings every account of the journal to its head.
func (c RebuildConfig) catchUp(ctx context.Context, to Projection, done *RebuildResult) error {
	c.Progress.Begin("catch up with the journal", "accounts", 0)
	var accounts, blocked atomic.Int64
	err := eachAccount(ctx, c.Journal, func(ctx context.Context, a event.Account) error {
		_, err := to.CatchUp(ctx, a)
		if errors.Is(err, readmodel.ErrQuarantined) {
			blocked.Add(1)
			err = nil
		}
		accounts.Add(1)
		c.Progress.Add(1)
		return err
	})
	done.Accounts, done.Blocked = accounts.Load(), blocked.Load()
	return err
}

// eachAccount visits every account of the journal, many at once.
func eachAccount(ctx context.Context, from readmodel.Directory, visit func(context.Context, event.Account) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	var failed error
	for a, err := range readmodel.AllAccounts(ctx, from) {
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error { return visit(ctx, a) })
	}
	return errors.Join(group.Wait(), failed)
}
