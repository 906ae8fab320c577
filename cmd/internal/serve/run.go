package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/platform"
)

// How long each step of an orderly end may take, and all of them together, so that nobody who waits
// 30 seconds for a process has to kill it. What is not done by then is done at the next start, or
// by another process.
const (
	endGrace     = 25 * time.Second
	publishGrace = 10 * time.Second
	archiveGrace = 10 * time.Second
	handOffGrace = 10 * time.Second
	closeGrace   = 5 * time.Second
)

// part is something that runs until its context ends.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// crew is a set of parts that are started and ended together.
type crew struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// start runs parts apart from the caller's context, so that they end in their turn. The first that
// fails ends everything.
func start(ctx context.Context, fail context.CancelCauseFunc, parts ...part) *crew {
	c := &crew{}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, p := range parts {
		c.wg.Go(func() {
			if err := p.run(ctx); err != nil && ctx.Err() == nil {
				fail(fmt.Errorf("%s: %w", p.name, err))
			}
		})
	}
	return c
}

// end stops the parts and waits for them until ctx ends.
func (c *crew) end(ctx context.Context) error {
	c.stop()
	done := make(chan struct{})
	go func() {
		c.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("some parts did not end in time")
	}
}

// Run serves until ctx ends or a part fails, and then ends in order: no new requests, the requests
// under way, the commands in progress, the publisher's queue, the archive's open segments, the
// shards' hand-over, the writer's last progress, the stores.
func (p *Process) Run(ctx context.Context) error {
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	unsay, err := p.announceOps()
	if err != nil {
		fail(err)
	}
	if p.journal != nil {
		defer context.AfterFunc(serving, p.journal.Leave)()
	}
	asking := start(ctx, fail, p.asking...)
	sending := start(ctx, fail, p.sending...)
	working := start(ctx, fail, p.working...)
	err = p.web.Serve(serving, p.api)
	if cause := context.Cause(serving); err == nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	p.log.Info("ending")
	ending, done := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer done()
	for _, e := range p.endings(unsay, asking, sending, working) {
		within, cancel := context.WithTimeout(ending, e.grace)
		if failed := e.do(within); failed != nil {
			p.log.Warn("not ended in order; the next start goes on from here", "part", e.what, "error", failed)
		}
		cancel()
	}
	err = errors.Join(p.engine.Explain(err), p.engine.Close())
	p.log.Info("ended")
	return err
}

// announceOps says in the data directory where the jobs listen, of a process that has jobs.
func (p *Process) announceOps() (unsay func() error, err error) {
	if p.jobs == nil || p.config.Store != platform.Embedded {
		return func() error { return nil }, nil
	}
	return platform.AnnounceOps(p.config.Data, p.ops.Addr().String())
}

// ending is a step of an orderly end.
type ending struct {
	what  string
	grace time.Duration
	do    func(ctx context.Context) error
}

// endings are the steps of this process, in their order.
func (p *Process) endings(unsay func() error, asking, sending, working *crew) (steps []ending) {
	step := func(there bool, what string, grace time.Duration, do func(ctx context.Context) error) {
		if there {
			steps = append(steps, ending{what, grace, do})
		}
	}
	step(p.jobs != nil, "jobs", handOffGrace, func(ctx context.Context) error { return p.jobs.Close(ctx) })
	step(p.jobs != nil, "ops address", closeGrace, func(context.Context) error { return unsay() })
	step(true, "sweeper and inner listeners", closeGrace, asking.end)
	step(p.journal != nil, "commands in progress", publishGrace, p.finishCommands)
	step(p.publisher != nil, "publisher", publishGrace, func(ctx context.Context) error { return p.publisher.Drained(ctx) })
	step(p.archiver != nil, "archive", archiveGrace, func(ctx context.Context) error { return p.archiver.Flush(ctx) })
	step(true, "consumers", handOffGrace, working.end)
	step(true, "publisher", handOffGrace, sending.end)
	step(p.journal != nil, "journal", closeGrace, func(ctx context.Context) error { return p.journal.Close(ctx) })
	return steps
}

// finishCommands takes no more commands and waits for those in progress.
func (p *Process) finishCommands(ctx context.Context) error {
	p.journal.Stop()
	return p.journal.Idle(ctx)
}
