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

// Config configures a Projector. Runtime, Rows and Journal are required, Outbox for a model with
// crossings.
type Config[S any] struct {
	// Runtime is shared by the workers of all generations. Its Table has the rows.
	Runtime consumer.Runtime
	// Rows are the rows to keep. Their waiting readers are woken.
	Rows *Rows[S]
	// Journal fills gaps and heals holes.
	Journal Journal
	// Outbox takes the model's messages.
	Outbox Outbox
	// Further names the model's further rows; nil is none. Transact says that they and the
	// account's row are written by one transaction if they can: where it costs no more than puts.
	Further  *Further[S]
	Transact bool
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
}

// Projector keeps the rows of all generations of a read model up to date with the stream.
type Projector[S any] struct{ config Config[S] }

// NewProjector returns a projector, which does nothing before Run.
func NewProjector[S any](c Config[S]) *Projector[S] { return &Projector[S]{config: c} }

// Projection returns the projection of one generation for a job, such as a rebuild or a redrive. It
// sends no message if the generation is the candidate, and all if it is or was live. If the
// generation does not exist, it returns ErrGeneration.
func (p *Projector[S]) Projection(ctx context.Context, generation int64) (*Projection[S], error) {
	rows := p.config.Rows
	g, err := LoadGenerations(ctx, rows.table, rows.model.Name)
	if err != nil {
		return nil, err
	}
	if generation != g.Live && generation != g.Previous && generation != g.Candidate {
		return nil, fmt.Errorf("open %s: %w", Name(rows.model.Name, generation), ErrGeneration)
	}
	c := p.projectionConfig(generation, func() bool { return generation == g.Candidate })
	c.Tracer = nil // a rebuild folds all of history
	return NewProjection(c), nil
}

func (p *Projector[S]) projectionConfig(generation int64, silent func() bool) ProjectionConfig[S] {
	c := p.config
	return ProjectionConfig[S]{
		Generation: generation, Rows: c.Rows, Journal: c.Journal, Outbox: c.Outbox, Silent: silent,
		Further: c.Further, Transact: c.Transact, Metrics: c.Metrics, Log: c.Runtime.Log,
		Tracer: c.Runtime.Tracer,
	}
}

// generationWorker is the running worker of a generation.
type generationWorker struct {
	cancel context.CancelFunc
	silent *atomic.Bool
	slow   *atomic.Bool // no reader waits for its rows
	done   chan struct{}
	err    error // set before done is closed
}

// Run runs a worker for each generation of the model, and applies changes of the generations within
// a second, until ctx ends. A generation that becomes live begins to send messages without a pause
// in its work. Run returns an error only when a worker does, after it has stopped the others.
func (p *Projector[S]) Run(ctx context.Context) error {
	model := p.config.Rows.model.Name
	lease, log := cmp.Or(p.config.Runtime.Lease, consumer.DefaultLease), cmp.Or(p.config.Runtime.Log, slog.Default())
	running := map[int64]*generationWorker{}
	ended := make(chan struct{}, 1)
	var failed error
	for ctx.Err() == nil && failed == nil {
		// a read that hangs would hide every promotion
		reading, cancel := context.WithTimeout(ctx, lease)
		g, err := LoadGenerations(reading, p.config.Runtime.Table, model)
		cancel()
		if err == nil {
			p.runGenerations(ctx, g, running, ended)
		} else if ctx.Err() == nil {
			log.Warn("the generations could not be read and will be read again", "model", model, "error", err)
		}
		timer := time.NewTimer(generationRefresh)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-ended:
		}
		timer.Stop()
		failed = removeEnded(running)
	}
	for _, w := range running {
		w.cancel()
	}
	for _, w := range running {
		<-w.done
		failed = errors.Join(failed, w.err)
	}
	return failed
}

// runGenerations starts and stops workers so that exactly the generations of a set have one.
func (p *Projector[S]) runGenerations(ctx context.Context, g GenerationSet, running map[int64]*generationWorker, ended chan<- struct{}) {
	wanted := map[int64]bool{g.Live: true, g.Candidate: true, g.Previous: true}
	delete(wanted, 0)
	delete(wanted, g.Discarding)
	for generation := range wanted {
		w := running[generation]
		if w == nil {
			w = p.startWorker(ctx, generation, generation == g.Candidate, ended)
			running[generation] = w
		}
		w.silent.Store(generation == g.Candidate)
		w.slow.Store(generation == g.Candidate && generation != g.Promoting)
	}
	for generation, w := range running {
		if !wanted[generation] {
			w.cancel()
			p.config.Rows.kept.Forget(generation)
		}
	}
}

func (p *Projector[S]) startWorker(ctx context.Context, generation int64, silent bool, ended chan<- struct{}) *generationWorker {
	ctx, cancel := context.WithCancel(ctx)
	w := &generationWorker{cancel: cancel, silent: new(atomic.Bool), slow: new(atomic.Bool), done: make(chan struct{})}
	w.silent.Store(silent)
	w.slow.Store(silent)
	projection := NewProjection(p.projectionConfig(generation, w.silent.Load))
	c := consumer.Config{
		Runtime: p.config.Runtime, Name: projection.name, Open: projection.Open,
		Accounts: p.config.Journal.Accounts, Heal: projection.Heal, Slow: w.slow.Load, Maintain: projection.countQuarantine,
	}
	if !silent { // a candidate is filled by its rebuild
		c.Empty = emptyCheck(p.config.Rows, generation, p.config.Journal)
	}
	go func() {
		defer cancel()
		if err := consumer.New(c).Run(ctx); err != nil {
			w.err = fmt.Errorf("%s: %w", projection.name, err)
		}
		close(w.done)
		select {
		case ended <- struct{}{}:
		default:
		}
	}()
	return w
}

// removeEnded removes the workers that have ended, and returns the errors of those that failed.
func removeEnded(running map[int64]*generationWorker) error {
	var failed error
	for generation, w := range running {
		select {
		case <-w.done:
			failed = errors.Join(failed, w.err)
			delete(running, generation)
		default:
		}
	}
	return failed
}
