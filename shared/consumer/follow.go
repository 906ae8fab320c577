package consumer

import (
	"context"
	"errors"
	"fmt"
	"passbook/shared/event"
	"sync/atomic"
	"time"
)

// FollowConfig configures Follow. Worker is the template of every generation's worker: its Name,
// Open and Heal are set by Follow.
type FollowConfig[S any] struct {
	Worker  Config
	Rows    *Rows[S]
	Journal interface {
		History
		Directory
	}
	Outbox Outbox
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
	c.Worker.complete()
	running := map[int64]*following{}
	stopped := make(chan struct{}, 1)
	var failed error
	for ctx.Err() == nil && failed == nil {
		// one that hung would hide every promotion
		reading, cancel := context.WithTimeout(ctx, c.Worker.Lease)
		g, err := LoadGenerations(reading, c.Worker.Table, c.Rows.model.Name)
		cancel()
		if err == nil {
			follow(ctx, c, g, running, stopped)
		} else if ctx.Err() == nil {
			c.Worker.Log.Warn("generations not read", "model", c.Rows.model.Name, "error", err)
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
		RowBytes: c.Worker.RowBytes, Metrics: c.Worker.Metrics, Log: c.Worker.Log,
	})
	w := c.Worker
	w.Name, w.Open, w.Heal, w.Journal = projection.name, projection.Open, projection.Heal, c.Journal
	if !silent { // a candidate is filled by its rebuild
		w.Missing = func(ctx context.Context, a event.Account, created time.Time) (bool, error) {
			return missing(ctx, c.Rows, generation, c.Journal, a, created)
		}
	}
	go func() {
		defer cancel()
		if err := New(w).Run(ctx); err != nil {
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
