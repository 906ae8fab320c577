package readmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"passbook/shared/consumer"
)

// FollowConfig configures Follow. Runtime, Rows and Journal are required, Outbox of a model with
// crossings.
type FollowConfig[S any] struct {
	// Runtime is shared by the workers of all generations.
	Runtime consumer.Runtime
	Rows    *Rows[S]
	Journal Journal
	Outbox  Outbox
	// RowBytes bounds the rows that each generation keeps in memory; 0 is 64 MiB.
	RowBytes int64
	Metrics  *Metrics
}

// following is a generation's worker at work.
type following struct {
	cancel context.CancelFunc
	silent *atomic.Bool
	done   chan struct{}
	err    error // set before done is closed
}

// Follow runs a worker for each generation that the model's generation row names, and follows the
// row's changes within a second, until ctx ends. A generation that becomes live begins to send
// messages without a pause in its work. It returns an error only when a worker does, after it
// stopped the others.
func Follow[S any](ctx context.Context, c FollowConfig[S]) error {
	lease, log := cmp.Or(c.Runtime.Lease, consumer.DefaultLease), cmp.Or(c.Runtime.Log, slog.Default())
	running := map[int64]*following{}
	stopped := make(chan struct{}, 1)
	var failed error
	for ctx.Err() == nil && failed == nil {
		// one that hung would hide every promotion
		reading, cancel := context.WithTimeout(ctx, lease)
		g, err := LoadGenerations(reading, c.Runtime.Table, c.Rows.model.Name)
		cancel()
		if err == nil {
			follow(ctx, c, g, running, stopped)
		} else if ctx.Err() == nil {
			log.Warn("generations not read", "model", c.Rows.model.Name, "error", err)
		}
		timer := time.NewTimer(generationRefresh)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-stopped:
		}
		timer.Stop()
		failed = reap(running)
	}
	for _, f := range running {
		f.cancel()
	}
	for _, f := range running {
		<-f.done
		failed = errors.Join(failed, f.err)
	}
	return failed
}

// follow starts and stops workers so that exactly the named generations have one.
func follow[S any](ctx context.Context, c FollowConfig[S], g GenerationSet, running map[int64]*following, stopped chan<- struct{}) {
	wanted := map[int64]bool{g.Live: true, g.Candidate: true, g.Previous: true}
	delete(wanted, 0)
	delete(wanted, g.Discarding)
	for generation := range wanted {
		f := running[generation]
		if f == nil {
			f = start(ctx, c, generation, generation == g.Candidate, stopped)
			running[generation] = f
		}
		f.silent.Store(generation == g.Candidate)
	}
	for generation, f := range running {
		if !wanted[generation] {
			f.cancel()
		}
	}
}

func start[S any](ctx context.Context, c FollowConfig[S], generation int64, silent bool, stopped chan<- struct{}) *following {
	ctx, cancel := context.WithCancel(ctx)
	f := &following{cancel: cancel, silent: new(atomic.Bool), done: make(chan struct{})}
	f.silent.Store(silent)
	projection := NewProjection(ProjectionConfig[S]{
		Generation: generation, Rows: c.Rows, Journal: c.Journal, Outbox: c.Outbox, Silent: f.silent.Load,
		RowBytes: c.RowBytes, Metrics: c.Metrics, Log: c.Runtime.Log,
	})
	w := consumer.Config{
		Runtime: c.Runtime, Name: projection.name, Open: projection.Open,
		Accounts: c.Journal.Accounts, Heal: projection.Heal, Maintain: projection.CountQuarantined,
	}
	if !silent { // a candidate is filled by its rebuild
		w.Empty = emptyCheck(c.Rows, generation, c.Journal)
	}
	go func() {
		defer cancel()
		if err := consumer.New(w).Run(ctx); err != nil {
			f.err = fmt.Errorf("%s: %w", projection.name, err)
		}
		close(f.done)
		select {
		case stopped <- struct{}{}:
		default:
		}
	}()
	return f
}

// reap forgets the workers that have ended, and returns the error of one that failed.
func reap(running map[int64]*following) error {
	var failed error
	for generation, f := range running {
		select {
		case <-f.done:
			failed = errors.Join(failed, f.err)
			delete(running, generation)
		default:
		}
	}
	return failed
}
