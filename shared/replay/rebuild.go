package replay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/segment"
	"passbook/shared/table"
)

const (
	// chunkEvents is how many events of a source are gathered before they are folded: the more, the
	// fewer writes of a row.
	chunkEvents = 128 << 10
	// accountsAtOnce is how many accounts are written at the same time: each write waits for a
	// round trip or an fsync.
	accountsAtOnce = 64
)

// Projection folds into one generation of a read model; *readmodel.Projection is one. The version
// rule, the filling of gaps from the journal and the blocking of an account that cannot go on are
// its own.
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
	// Bucket holds the archive; nil rebuilds from the journal alone.
	Bucket bucket.Bucket
	// Known is what is known of the archive from elsewhere.
	Known archive.Evidence
	// Journal lists the accounts that are brought up to their heads at the end.
	Journal  readmodel.Directory
	Progress *progress.Tracker
}

// RebuildResult is what Rebuild did.
type RebuildResult struct {
	// Generation is the candidate that now stands beside the live one.
	Generation int64
	// Events were read from the archive, Skipped of its segments were done by an earlier run.
	Events  int64
	Skipped int
	// Accounts were brought up to the journal's head; Blocked of them cannot go on.
	Accounts, Blocked int64
	// Gaps are the parts that the archive lacks, Faults its damaged entries. What they had came
	// from the journal, as far as it has it.
	Gaps   []archive.Gap
	Faults Faults
}

// Rebuild folds the archive into a candidate generation, or goes on with the one that is there, and
// then brings each account up to the journal's head. The candidate's own worker may follow the
// stream meanwhile. Interrupted, it goes on after the last segment that was done. What it made is
// judged by Compare, not here; that the archive is not whole is ErrDifference at the end. While a
// generation is being discarded it is ErrGeneration.
func Rebuild(ctx context.Context, c RebuildConfig) (RebuildResult, error) {
	var done RebuildResult
	err := c.checkNoDiscard(ctx)
	if err == nil {
		done.Generation, err = readmodel.StartCandidate(ctx, c.Table, c.Model)
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

// checkNoDiscard refuses to begin beside a discard. The candidate may be what goes, without a
// worker to follow with it and never to be promoted; and a discard that was interrupted would be
// forgotten if the next one were of another generation.
func (c RebuildConfig) checkNoDiscard(ctx context.Context) error {
	g, err := readmodel.LoadGenerations(ctx, c.Table, c.Model)
	if err == nil && g.Discarding != 0 {
		err = fmt.Errorf("generation %d is being discarded: replay discard --model %s goes on if that was interrupted: %w",
			g.Discarding, c.Model, readmodel.ErrGeneration)
	}
	return err
}

func (c RebuildConfig) fromArchive(ctx context.Context, to Projection, done *RebuildResult) error {
	p, err := loadPlan(ctx, c.Bucket, c.Known)
	if err != nil {
		return err
	}
	var damaged damage
	marks, err := loadMarks(ctx, c.Table, readmodel.Name(c.Model, done.Generation))
	if err != nil {
		return err
	}
	left := p.Filter(func(s archive.Planned) bool { return !marks.done(s) })
	done.Skipped = len(p.Segments) - len(left.Segments)
	c.Progress.Begin("fold the archive into "+readmodel.Name(c.Model, done.Generation), "events", left.Events)
	var events atomic.Int64
	err = streamSources(ctx, c.Bucket, left, func() sink {
		return &sourceFolder{to: to, marks: marks, events: &events, progress: c.Progress, damage: &damaged}
	})
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

// sourceFolder is the sink of one source: it gathers the entries of each account, so that a row is
// written once a chunk.
type sourceFolder struct {
	to    Projection
	marks *marks
	// events counts what was folded, for all sources together.
	events   *atomic.Int64
	progress *progress.Tracker
	damage   *damage
	chunk    map[event.Account][]*event.Entry
	size     int64
	ended    []archive.Planned // segments whose last entries are in the chunk
}

func (f *sourceFolder) take(ctx context.Context, rec segment.Record) error {
	if f.chunk == nil {
		f.chunk = make(map[event.Account][]*event.Entry)
	}
	a := rec.Entry.Account()
	f.chunk[a] = append(f.chunk[a], rec.Entry)
	f.size += int64(len(rec.Entry.Events))
	if f.size < chunkEvents {
		return nil
	}
	return f.fold(ctx)
}

func (f *sourceFolder) endSegment(ctx context.Context, s archive.Planned) error {
	f.ended = append(f.ended, s)
	return f.fold(ctx)
}

func (f *sourceFolder) damaged(s archive.Planned, err error) error { return f.damage.add(&s, err) }

// fold projects the chunk and marks the segments that ended in it.
func (f *sourceFolder) fold(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	for a, entries := range f.chunk {
		group.Go(func() error { return f.to.ProjectEntries(within, a, entries) })
	}
	err := group.Wait()
	if err != nil {
		return err
	}
	f.events.Add(f.size)
	f.progress.Add(f.size)
	clear(f.chunk)
	f.size = 0
	for _, s := range f.ended {
		err = f.marks.mark(ctx, s)
		if err != nil {
			return err
		}
	}
	f.ended = f.ended[:0]
	return nil
}
