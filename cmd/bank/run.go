package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/platform"
)

// How long each step of an orderly end may take. What is not done by then is done at the next start.
const (
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

// start runs parts apart from the caller's context, so that they end in their turn. The first that fails ends everything.
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

// end stops the parts and waits for them, for a while.
func (c *crew) end(grace time.Duration) error {
	c.stop()
	done := make(chan struct{})
	go func() {
		c.wg.Wait()
		close(done)
	}()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return errors.New("some parts did not end in time")
	}
}

// run serves until ctx ends or a part fails, and then ends in order: no new requests, the requests under way, the commands in
// progress, the publisher's queue, the archive's open segments, the shards' hand-over, the writer's last progress, the stores.
func (b *bank) run(ctx context.Context) error {
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	unsay, err := platform.AnnounceOps(b.config.Data, b.opsInner.Addr().String())
	if err != nil {
		fail(err)
	}
	asking := start(ctx, fail, part{"ops listener", b.serveOps}, part{"sweeper", b.sweeper.Run})
	sending := start(ctx, fail, part{"publisher", b.publisher.Run})
	working := start(ctx, fail, b.workers()...)
	err = b.web.Serve(serving, b.api)
	if cause := context.Cause(serving); err == nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	b.log.Info("ending")
	endings := []struct {
		what  string
		grace time.Duration
		do    func(ctx context.Context) error
	}{
		{"jobs", handOffGrace, b.jobs.Close},
		{"ops address", closeGrace, func(context.Context) error { return unsay() }},
		{"sweeper", closeGrace, func(context.Context) error { return asking.end(closeGrace) }},
		{"commands in progress", publishGrace, b.finishCommands},
		{"publisher", publishGrace, b.publisher.Drained},
		{"archive", archiveGrace, b.archiver.Flush},
		{"consumers", handOffGrace, func(context.Context) error { return working.end(handOffGrace) }},
		{"publisher", handOffGrace, func(context.Context) error { return sending.end(handOffGrace) }},
		{"journal", closeGrace, b.journal.Close},
	}
	for _, e := range endings {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.grace)
		if failed := e.do(within); failed != nil {
			b.log.Warn("not ended in order; the next start goes on from here", "part", e.what, "error", failed)
		}
		cancel()
	}
	return errors.Join(err, b.engine.Close())
}

// finishCommands takes no more commands and waits for those in progress.
func (b *bank) finishCommands(ctx context.Context) error {
	b.journal.Stop()
	return b.journal.Idle(ctx)
}
