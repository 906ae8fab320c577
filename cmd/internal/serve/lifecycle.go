package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Stage is a step of an orderly end. The stages follow one another in their order, once the API has
// answered its last request.
type Stage int

// The stages. What is named after an Until runs up to that stage; the others complete work.
const (
	// CancelJobs cancels the jobs, and waits for them.
	CancelJobs Stage = iota
	// UntilCallers ends what sends commands by itself: the sweeper, and the listeners for other
	// writers and for jobs.
	UntilCallers
	// FinishCommands waits for the commands in progress; no more begin.
	FinishCommands
	// PublishQueue publishes what was committed.
	PublishQueue
	// SealSegments archives the open segments.
	SealSegments
	// UntilConsumers ends the consumers, which hand their shards over, and the drainer.
	UntilConsumers
	// UntilPublisher ends the publisher, which saves its progress.
	UntilPublisher

	stages = iota
)

// endMost bounds the stages together: with the drain before them they fit into the 60 seconds that
// docs/operations.md asks a supervisor to wait. What is not done by then is done at the next start,
// or by another process.
const endMost = 25 * time.Second

// stageMost bounds each stage.
var stageMost = [stages]time.Duration{
	CancelJobs: 10 * time.Second, UntilCallers: 5 * time.Second, FinishCommands: 10 * time.Second, PublishQueue: 10 * time.Second,
	SealSegments: 10 * time.Second, UntilConsumers: 10 * time.Second, UntilPublisher: 10 * time.Second,
}

// closeMost bounds the closing of one store.
const closeMost = 5 * time.Second

// lifecycle is what runs beside the API and how it ends. The API's part of a process is not in it.
type lifecycle struct {
	groups  [stages]group
	steps   [stages][]step
	drains  []func()
	closers []step
}

// group are the parts that run up to one stage.
type group struct {
	parts []step
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// step is a named function: a part that runs until its context ends, or work to complete before
// its context ends.
type step struct {
	name string
	do   func(ctx context.Context) error
}

// Go has Run start a part, which runs until the stage. An error that it returns earlier ends the
// process.
func (l *lifecycle) Go(until Stage, name string, run func(ctx context.Context) error) {
	g := &l.groups[until]
	g.parts = append(g.parts, step{name, run})
}

// At has Run complete something in a stage, before the parts that run until the stage end.
func (l *lifecycle) At(s Stage, name string, do func(ctx context.Context) error) {
	l.steps[s] = append(l.steps[s], step{name, do})
}

// OnDrain has Run call f as soon as the process is told to end, while it still serves.
func (l *lifecycle) OnDrain(f func()) { l.drains = append(l.drains, f) }

// OnClose has the process call do at its very end, also when it never ran; what was opened last is
// closed first.
func (l *lifecycle) OnClose(name string, do func(ctx context.Context) error) {
	l.closers = append(l.closers, step{name, do})
}

// start starts every part, apart from the caller's context, so that each ends in its stage.
func (l *lifecycle) start(ctx context.Context, fail context.CancelCauseFunc) {
	for i := range l.groups {
		g := &l.groups[i]
		running, stop := context.WithCancel(context.WithoutCancel(ctx))
		g.stop = stop
		for _, p := range g.parts {
			g.wg.Go(func() {
				if err := p.do(running); err != nil && running.Err() == nil {
					fail(fmt.Errorf("%s: %w", p.name, err))
				}
			})
		}
	}
}

// end goes through the stages until ctx ends. What does not end in time is logged.
func (l *lifecycle) end(ctx context.Context, log *slog.Logger) {
	for i := range l.groups {
		for _, s := range append(slices.Clip(l.steps[i]), l.groups[i].ending()) {
			within, cancel := context.WithTimeout(ctx, stageMost[i])
			if err := s.do(within); err != nil {
				log.Warn("not ended in time; the next start continues from here", "part", s.name, "error", err)
			}
			cancel()
		}
	}
}

// ending returns the step that ends the parts of a group.
func (g *group) ending() step {
	var names []string
	for _, p := range g.parts {
		names = append(names, p.name)
	}
	return step{strings.Join(names, ", "), g.end}
}

// end stops the parts of a group and waits for them until ctx ends.
func (g *group) end(ctx context.Context) error {
	g.stop()
	done := make(chan struct{})
	go func() {
		g.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close calls the closers, the last one first.
func (l *lifecycle) close(ctx context.Context) error {
	var errs []error
	for _, c := range slices.Backward(l.closers) {
		within, cancel := context.WithTimeout(ctx, closeMost)
		if err := c.do(within); err != nil {
			errs = append(errs, fmt.Errorf("close the %s: %w", c.name, err))
		}
		cancel()
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends or a part fails, and then ends in order: no new requests, the requests
// in progress, the stages, and at last what was opened.
func (p *Process) Run(ctx context.Context) error {
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	for _, drain := range p.drains {
		defer context.AfterFunc(serving, drain)()
	}
	p.start(ctx, fail)
	err := p.web.Serve(serving, p.listener)
	if cause := context.Cause(serving); err == nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	p.Log.Info("ending")
	ending, done := context.WithTimeout(context.WithoutCancel(ctx), endMost)
	defer done()
	p.end(ending, p.Log)
	if failed := p.lifecycle.close(ending); failed != nil {
		p.Log.Warn("not closed in order; the next start continues from here", "error", failed)
	}
	err = errors.Join(p.Engine.Explain(err), p.Engine.Close())
	p.Log.Info("ended")
	return err
}
