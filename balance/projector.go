package balance

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"passbook/shared/account"
	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/derived"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

// Config configures a Projector. Runtime, Journal and Store are required.
type Config struct {
	// Runtime is the stream to read, the stores, and the process that reads.
	Runtime consumer.Runtime
	// NoEventIndex leaves the events out of the index over all accounts.
	NoEventIndex bool
	// Now is the time from which the index reaches back; nil is time.Now.
	Now func() time.Time
	// Metrics counts; nil counts nothing.
	Metrics *readmodel.Metrics
	// Journal fills gaps and heals holes.
	Journal *journal.Reader
	// Store has the rows to keep. Its waiting readers are woken.
	Store *Store
}

// Projector keeps the rows of all generations up to date with the stream, and says from when the
// index of events is complete.
type Projector struct {
	*readmodel.Projector[account.State]
	// indexed and unindexed project with the index and without it, for jobs.
	indexed, unindexed *readmodel.Projector[account.State]
	marks              derived.Marks
	// sweeper has a table where nothing else deletes what expires.
	sweeper derived.Sweeper
	log     *slog.Logger
}

// NewProjector returns a projector, which does nothing before Run.
func NewProjector(c Config) *Projector {
	if c.Now == nil {
		c.Now = time.Now
	}
	projector := func(index bool) *readmodel.Projector[account.State] {
		return readmodel.NewProjector(readmodel.Config[account.State]{
			Runtime: c.Runtime, Rows: c.Store.Rows, Journal: c.Journal, Metrics: c.Metrics,
			Further: derived.Further(index, c.Now), Transact: c.Runtime.Exclusive,
		})
	}
	indexed, unindexed := projector(true), projector(false)
	own := indexed
	if c.NoEventIndex {
		own = unindexed
	}
	p := &Projector{
		Projector: own, indexed: indexed, unindexed: unindexed, log: cmp.Or(c.Runtime.Log, slog.Default()),
		marks: derived.Marks{
			Table: c.Store.table, Model: Table, Accounts: c.Journal, Index: !c.NoEventIndex, Exclusive: c.Runtime.Exclusive, Now: c.Now,
		},
	}
	if c.Runtime.Exclusive {
		p.sweeper = derived.Sweeper{Table: c.Store.table, Now: c.Now, Log: p.log}
	}
	return p
}

// Run keeps the rows until ctx ends, and where no other process does, it deletes rows of the index
// that have expired. It projects nothing before the marks of the index say what this process does.
func (p *Projector) Run(ctx context.Context) error {
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for !p.mark(ctx) {
		if wait.Pause(ctx) != nil {
			return nil
		}
	}
	beside, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for backoff.Sleep(beside, derived.MarkEvery) == nil {
			p.mark(beside)
		}
	})
	if p.sweeper.Table != nil {
		running.Go(func() { p.sweeper.Run(beside) })
	}
	defer running.Wait()
	defer stop()
	return p.Projector.Run(ctx)
}

// markTimeout bounds one comparison of the marks.
const markTimeout = 10 * time.Second

// mark has the marks of the index say what this process does, and reports whether they do.
func (p *Projector) mark(ctx context.Context) bool {
	bounded, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	err := p.marks.Keep(bounded)
	if err != nil && ctx.Err() == nil {
		p.log.Warn("from when the index of events is complete could not be stored and will be stored again", "error", err)
	}
	return err == nil
}

// Projection returns the projection of one generation for a job. It indexes events if the programs
// that follow the stream do.
func (p *Projector) Projection(ctx context.Context, generation int64) (*readmodel.Projection[account.State], error) {
	mark, err := derived.LoadMark(ctx, p.marks.Table, generation)
	if err != nil {
		return nil, err
	}
	switch {
	case !mark.Known():
		return p.Projector.Projection(ctx, generation)
	case mark.Off:
		return p.unindexed.Projection(ctx, generation)
	}
	return p.indexed.Projection(ctx, generation)
}

// Now returns the time from which the index reaches back.
func (p *Projector) Now() time.Time { return p.marks.Now() }

// Begin marks a candidate that is about to exist, for a rebuild.
func (p *Projector) Begin(ctx context.Context, live, candidate int64) error {
	return derived.Begin(ctx, p.marks.Table, live, candidate, p.marks.Index)
}
