package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/control"
	"passbook/shared/journal"
	"passbook/shared/journal/writertail"
	"passbook/shared/table"
	"passbook/shared/writer"
)

// passes are the times, from the beginning of a drain, at which the writer's index is read. It is
// eventually consistent, and an entry that it shows late must not be lost.
var passes = []time.Duration{0, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

// callDeadline bounds each read and write of the control table.
const callDeadline = 5 * time.Second

// tailInFlight is how many entries of a tail may wait for the stream at once.
const tailInFlight = 1000

// DrainConfig is what a Drainer needs. Table, Publisher, Self and Lease are required.
type DrainConfig struct {
	Table     table.Table
	Publisher *Publisher
	// Self returns the id of the session that this process writes in; it is never drained.
	Self func() string
	// Lease is how long a writer's heartbeat may not move before the writer counts as dead.
	Lease time.Duration
	// Exclusive says that no other process can be writing, so that every writer found at the start
	// is dead. The embedded engine's directory lock proves it.
	Exclusive bool
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Log takes what was drained and what went wrong; nil drops it.
	Log *slog.Logger
}

// Drainer publishes the tails of dead writers. Several processes may each run one: a tail is
// drained by one of them at a time.
type Drainer struct {
	config DrainConfig
	passes []time.Duration
	watch  control.Watch
	read   time.Time // when the writers were last read
	wait   sync.WaitGroup

	mu       sync.Mutex
	draining map[string]bool // writers that this process is draining
	gaveUp   time.Time       // when this process last gave a tail up
}

// NewDrainer returns a Drainer; Run does its work.
func NewDrainer(c DrainConfig) *Drainer {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Drainer{config: c, passes: passes, draining: make(map[string]bool)}
}

// Run looks for dead writers every quarter lease and drains them, until ctx ends. It returns nil.
func (d *Drainer) Run(ctx context.Context) error {
	defer d.wait.Wait()
	tick := time.NewTicker(d.config.Lease / 4)
	defer tick.Stop()
	for dead := d.config.Exclusive; ; dead = false {
		if err := d.look(ctx, dead); err != nil && ctx.Err() == nil {
			d.config.Log.Warn("cannot look for dead writers; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads the writers and takes over those that are dead, or all with dead. After half a lease
// in which it could not, it knows nothing of their heartbeats and watches them from the beginning:
// what looks like the death of all may be an outage that has just ended.
func (d *Drainer) look(ctx context.Context, dead bool) error {
	if time.Since(d.read) > d.config.Lease/2 {
		d.watch.Reset()
	}
	rows, err := writer.List(ctx, table.WithTimeout(d.config.Table, callDeadline))
	if err != nil {
		return err
	}
	now := time.Now()
	epochs := make(map[string]int64)
	for _, row := range rows {
		if row.ID != d.config.Self() && !d.drains(row.ID) {
			epochs[row.ID] = row.Epoch
		}
	}
	d.watch.Observe(epochs, now)
	for _, row := range rows {
		_, watched := epochs[row.ID]
		if !watched || !dead && d.watch.Silent(row.ID, now) < d.config.Lease {
			continue
		}
		if err := d.takeOver(ctx, row); err != nil {
			return err
		}
	}
	d.read = time.Now()
	return nil
}

// takeOver begins to drain a dead writer, unless the stream takes nothing from this process:
// another one may have better luck. The write of the row, conditional on its epoch, is what fences:
// a writer that lives after all sees its heartbeat fail, and begins a new session before it puts
// anything again.
func (d *Drainer) takeOver(ctx context.Context, row writer.Row) error {
	if d.config.Publisher.inOutage() || d.yields() {
		return nil
	}
	d.watch.Forget(row.ID)
	if row.Began.IsZero() {
		row.Began = d.config.Now()
	}
	t := &tail{row: row, queued: parseSpans(row.Sent), sent: parseSpans(row.Sent)}
	err := d.save(ctx, t)
	if errors.Is(err, table.ErrConditionFailed) {
		return nil // it lives, or another drainer was first
	}
	if err != nil {
		return err
	}
	d.mark(row.ID, true)
	d.wait.Go(func() {
		defer d.mark(row.ID, false)
		d.drain(ctx, t)
	})
	return nil
}

// yields reports whether this process gave a tail up so lately that others should come first.
func (d *Drainer) yields() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.gaveUp.IsZero() && time.Since(d.gaveUp) < 2*d.config.Lease
}

func (d *Drainer) drains(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.draining[id]
}

func (d *Drainer) mark(id string, draining bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if draining {
		d.draining[id] = true
	} else {
		delete(d.draining, id)
	}
}

// tail is a dead writer's session while this process drains it.
type tail struct {
	row    writer.Row
	queued spans        // entries that need not be given to the publisher any more
	steps  atomic.Int64 // counts the entries that were read, and those that the stream took

	mu   sync.Mutex
	sent spans // entries that the stream has, whichever process sent them
}

// markSent notes that the stream has entry n.
func (t *tail) markSent(n int64) {
	t.steps.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent.add(n)
}

// sentText returns what the stream has of the tail, as the row spells it.
func (t *tail) sentText() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent.String()
}

// save writes the tail's progress, so that the next drainer continues there, and renews the lease
// on it, in one conditional write.
func (d *Drainer) save(ctx context.Context, t *tail) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	t.row.State, t.row.Sent = writer.Draining, t.sentText()
	if err := t.row.Save(ctx, d.config.Table); err != nil {
		return fmt.Errorf("drain writer %s: %w", t.row.ID, err)
	}
	return nil
}

// drain works through the passes that are left, renewing its lease on the tail, and then removes
// the writer's row. When the lease is lost, or ctx ends, another process continues.
func (d *Drainer) drain(ctx context.Context, t *tail) {
	tick := time.NewTicker(d.config.Lease / 4)
	defer tick.Stop()
	for {
		if t.row.Pass < len(d.passes) && d.config.Now().Sub(t.row.Began) >= d.passes[t.row.Pass] && !d.pass(ctx, t, tick.C) {
			return
		}
		if t.row.Pass >= len(d.passes) {
			d.remove(ctx, t)
			return
		}
		if err := d.save(ctx, t); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pass makes one pass over the tail, and reports whether this process drains it further. A pass
// that failed is made again.
func (d *Drainer) pass(ctx context.Context, t *tail, tick <-chan time.Time) bool {
	var n int
	err := d.whileRenewing(ctx, t, tick, func(ctx context.Context) (err error) {
		n, err = d.publish(ctx, t)
		return err
	})
	log := d.config.Log.With("writer", t.row.ID, "entries", n, "pass", t.row.Pass)
	if n > 0 {
		log.Info("published entries of a dead writer")
	}
	switch {
	case ctx.Err() != nil:
		_ = d.save(context.WithoutCancel(ctx), t) // it only saves others work
		return false
	case errors.Is(err, table.ErrConditionFailed):
		return false
	case errors.Is(err, errStuck):
		d.mu.Lock()
		d.gaveUp = time.Now()
		d.mu.Unlock()
		log.Warn("cannot publish the entries of a dead writer; leaving them to another process", "error", err)
		return false
	case err != nil:
		log.Error("cannot publish all entries of a dead writer; trying again", "error", err)
	default:
		t.row.Pass++
	}
	return true
}

// errStuck: nothing of a tail advanced for a lease.
var errStuck = errors.New("publisher: no entry was read or taken by the stream for a whole lease")

// whileRenewing does the work, and renews the lease on the tail at each tick while the work
// advances. It cancels the work when the lease is lost, or when nothing advanced for a lease: this
// process may be the one that cannot reach the stream. It returns the work's error, that of the
// renewal that failed its condition, or errStuck.
func (d *Drainer) whileRenewing(ctx context.Context, t *tail, tick <-chan time.Time, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	steps, since := t.steps.Load(), time.Now()
	for {
		select {
		case err := <-done:
			return err
		case <-tick:
			if now := t.steps.Load(); now != steps {
				steps, since = now, time.Now()
			}
			err := d.save(ctx, t)
			if err == nil && time.Since(since) >= d.config.Lease {
				err = errStuck
			}
			if errors.Is(err, table.ErrConditionFailed) || errors.Is(err, errStuck) {
				cancel()
				<-done
				return err
			}
		}
	}
}

func (d *Drainer) remove(ctx context.Context, t *tail) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	if err := t.row.Delete(ctx, d.config.Table); err != nil {
		// the next drainer makes the last pass again
		d.config.Log.Warn("cannot remove the row of a drained writer", "writer", t.row.ID, "error", err)
	}
}

// publish reads the tail in the writer's order, gives each entry to the publisher, and waits until
// the stream has them. It returns how many entries it gave.
func (d *Drainer) publish(ctx context.Context, t *tail) (entries int, err error) {
	slots := make(chan struct{}, tailInFlight)
	var unread int
	var first error
	for e, err := range writertail.Read(ctx, d.config.Table, t.row.ID, t.row.Published, t.queued.has) {
		var c journal.Committed
		if err == nil {
			c, err = journal.CommittedOf(e)
		}
		if err != nil {
			if unread++; first == nil {
				first = err
			}
			continue // the entries that follow are published now; this pass is made again
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return entries, ctx.Err()
		}
		t.steps.Add(1)
		d.config.Publisher.publish(waiting{Committed: c, sent: func() { t.markSent(c.N); <-slots }, givenUp: ctx.Done()})
		t.queued.add(c.N)
		entries++
	}
	for range tailInFlight { // every slot taken: the stream has everything
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return entries, ctx.Err()
		}
	}
	d.config.Publisher.metrics.drained.Add(float64(entries))
	if unread > 0 {
		return entries, fmt.Errorf("%d entries could not be read, the first: %w", unread, first)
	}
	return entries, nil
}
