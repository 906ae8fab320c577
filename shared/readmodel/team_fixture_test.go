package readmodel

import (
	"context"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/table"
)

// team is the workers of a test, on one bank.
type team struct {
	*bank
	stop map[string]func()
}

func newTeam(t *testing.T, shards int) *team {
	t.Helper()
	c := &team{bank: newBank(t, shards), stop: map[string]func(){}}
	t.Cleanup(func() {
		for name := range c.stop {
			c.halt(name)
		}
	})
	return c
}

// start runs a worker whose configuration was changed by change.
func (c *team) start(owner string, change func(*consumer.Config)) {
	c.t.Helper()
	config := consumer.Config{Runtime: c.runtime(owner, c.table), Name: Name(testModel.Name, 1)}
	change(&config)
	c.run(owner, consumer.New(config).Run)
}

func (c *team) runtime(owner string, t table.Table) consumer.Runtime {
	return consumer.Runtime{Stream: testStream, Owner: owner, Lease: testLease, Table: t, Streams: c.streams, Log: quietLog}
}

// project runs a Projector on a table t, and returns the rows that its readers use.
func (c *team) project(m Model[account.State], t table.Table) *Rows[account.State] {
	c.t.Helper()
	rows := NewRows[account.State](t, m, 0)
	c.run("projector", NewProjector(Config[account.State]{
		Runtime: c.runtime("f", t), Rows: rows, Journal: c.journal, Outbox: Outbox{Streams: c.streams, Stream: testOutbox},
	}).Run)
	return rows
}

// run runs a worker until halt, under a name.
func (c *team) run(name string, worker func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker(ctx) }()
	c.stop[name] = func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("worker %s: %v", name, err)
		}
	}
}

// halt ends a worker and waits until it has handed everything over.
func (c *team) halt(name string) {
	if stop := c.stop[name]; stop != nil {
		delete(c.stop, name)
		stop()
	}
}

// openHoles counts the holes of generation 1 that are not healed.
func (c *team) openHoles() (open int) {
	c.t.Helper()
	holes, err := consumer.Holes(c.t.Context(), c.table, testStream, Name(testModel.Name, 1))
	c.must(err)
	for _, h := range holes {
		if h.HealedAt.IsZero() {
			open++
		}
	}
	return open
}

// within waits until a condition is met, and fails the test when that takes longer than d of the
// bubble's clock.
func (c *team) within(d time.Duration, what string, met func() bool) {
	c.t.Helper()
	for began := time.Now(); !met(); {
		if time.Since(began) > d {
			c.t.Fatalf("not within %v: %s", d, what)
		}
		c.must(backoff.Sleep(c.t.Context(), 10*time.Millisecond))
	}
}
