package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/control"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// passes are when, from the beginning of a drain, the writer's index is read: again and again,
// because it is eventually consistent, and an entry that it showed late must not be lost.
var passes = []time.Duration{0, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

const callDeadline = 5 * time.Second

// DrainConfig is what a Drainer needs.
type DrainConfig struct {
	Table     table.Table
	Publisher *Publisher
	// Self is the id under which this process writes now; it is never drained.
	Self func() string
	// Lease is how long a writer's heartbeat may stand still.
	Lease time.Duration
	// Alone says that no other process can be writing: whoever is found at the start is dead. The
	// embedded engine's directory lock proves it.
	Alone bool
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	Log *slog.Logger
}

// Drainer publishes the tails of dead writers. Several processes may each run one: a writer is
// drained by one at a time.
type Drainer struct {
	config DrainConfig
	passes []time.Duration
	seen   map[string]sighting
	looked time.Time // when the writers were last read
	wait   sync.WaitGroup

	mu       sync.Mutex
	draining map[string]bool // writers that this process is draining
	gaveUp   time.Time       // when a tail last did not go forward here
}

// sighting is a writer's counter, and since when, on this process' monotonic clock, it stands
// there.
type sighting struct {
	epoch table.N
	since time.Time
}

// NewDrainer makes a Drainer.
func NewDrainer(c DrainConfig) *Drainer {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Drainer{config: c, passes: passes, seen: make(map[string]sighting), draining: make(map[string]bool)}
}

// Run looks for dead writers every quarter lease and drains them, until ctx ends.
func (d *Drainer) Run(ctx context.Context) error {
	defer d.wait.Wait()
	tick := time.NewTicker(d.config.Lease / 4)
	defer tick.Stop()
	for dead := d.config.Alone; ; dead = false {
		if err := d.look(ctx, dead); err != nil && ctx.Err() == nil {
			d.config.Log.Warn("look for dead writers", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads the writers and takes over those that are dead. Where it could not read them for a
// while, nothing is known of their heartbeats meanwhile, and they are watched anew: what looks like
// a death of all may be an outage that is just over.
func (d *Drainer) look(ctx context.Context, dead bool) error {
	if time.Since(d.looked) > d.config.Lease/2 {
		clear(d.seen)
	}
	q := table.Query{Table: control.Name, PK: journal.WriterKind, Consistent: true}
	listed := make(map[string]bool)
	for row, err := range table.Rows(ctx, table.WithTimeout(d.config.Table, callDeadline), q) {
		if err != nil {
			return fmt.Errorf("read writers: %w", err)
		}
		listed[row.SK] = true
		if err := d.consider(ctx, row, dead); err != nil {
			return err
		}
	}
	maps.DeleteFunc(d.seen, func(id string, _ sighting) bool { return !listed[id] })
	d.looked = time.Now()
	return nil
}

// consider takes a writer over if nobody else is there for it.
func (d *Drainer) consider(ctx context.Context, row table.Row, dead bool) error {
	if row.SK == d.config.Self() || d.drains(row.SK) {
		return nil
	}
	epoch, _ := row.Attrs["epoch"].(table.N)
	sight, known := d.seen[row.SK]
	if !known || sight.epoch != epoch {
		sight = sighting{epoch, time.Now()}
		d.seen[row.SK] = sight
	}
	if !dead && time.Since(sight.since) < d.config.Lease || d.config.Publisher.troubled() || d.yields() {
		return nil // it lives; or others had better take it, whom the stream lets
	}
	delete(d.seen, row.SK)
	t, err := d.takeOver(ctx, row)
	if errors.Is(err, table.ErrConditionFailed) {
		return nil // it lives, or another drainer was first
	}
	if err != nil {
		return err
	}
	d.mark(t.id, true)
	d.wait.Go(func() {
		defer d.mark(t.id, false)
		d.drain(ctx, t)
	})
	return nil
}

// yields says that this process gave up a tail so lately that the others should come first.
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

func (d *Drainer) mark(id string, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if on {
		d.draining[id] = true
	} else {
		delete(d.draining, id)
	}
}

// tail is a dead writer's row while this process drains it.
type tail struct {
	id        string
	epoch     table.N
	published int64
	began     time.Time
	pass      int
	handed    spans        // counters that need not be handed to the publisher any more
	steps     atomic.Int64 // entries that were read, or that the stream took

	mu   sync.Mutex
	sent spans // counters that the stream has, whoever drained them
}

// took notes that the stream has the entry n.
func (t *tail) took(n int64) {
	t.steps.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent.add(n)
}

// done is what the stream has of the tail, as it is written down.
func (t *tail) done() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent.String()
}

// takeOver marks the writer draining. The condition on its counter is what fences: a writer that
// lives sees its heartbeat fail, and takes a new id before it puts anything again.
func (d *Drainer) takeOver(ctx context.Context, row table.Row) (*tail, error) {
	epoch, _ := row.Attrs["epoch"].(table.N)
	t := &tail{
		id: row.SK, epoch: epoch, published: row.Attrs.Number("published"), began: d.config.Now(), pass: int(row.Attrs.Number("pass")),
	}
	sent := row.Attrs.Text("sent")
	t.handed, t.sent = parseSpans(sent), parseSpans(sent)
	if began, ok := row.Attrs["began"].(table.N); ok {
		t.began = time.UnixMicro(int64(began))
	}
	return t, d.save(ctx, t)
}

// save writes the tail's progress, so that who goes on begins there, and renews the hold on it, in
// one conditional write.
func (d *Drainer) save(ctx context.Context, t *tail) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	err := d.config.Table.Put(ctx, table.Put{Table: control.Name, If: table.Equals("epoch", t.epoch), Row: table.Row{
		Key: table.Key{PK: journal.WriterKind, SK: t.id},
		Attrs: table.Map{
			"epoch": t.epoch + 1, "state": table.S(journal.WriterDraining), "published": table.N(t.published),
			"began": table.N(t.began.UnixMicro()), "pass": table.N(t.pass), "sent": table.S(t.done()),
		},
	}})
	if err != nil {
		return fmt.Errorf("drain writer %s: %w", t.id, err)
	}
	t.epoch++
	return nil
}

// drain works through the passes that are left, renewing its hold meanwhile, and then removes the
// writer's row. When the hold is lost, or ctx ends, somebody else goes on.
func (d *Drainer) drain(ctx context.Context, t *tail) {
	tick := time.NewTicker(d.config.Lease / 4)
	defer tick.Stop()
	for {
		if t.pass < len(d.passes) && d.config.Now().Sub(t.began) >= d.passes[t.pass] {
			var n int
			err := d.holding(ctx, t, tick.C, func(ctx context.Context) (err error) {
				n, err = d.publish(ctx, t)
				return err
			})
			if n > 0 {
				d.config.Log.Info("published the tail of a dead writer", "writer", t.id, "entries", n, "pass", t.pass)
			}
			switch {
			case ctx.Err() != nil:
				_ = d.save(context.WithoutCancel(ctx), t) // it only saves others work
				return
			case errors.Is(err, table.ErrConditionFailed):
				return
			case errors.Is(err, errStuck):
				d.mu.Lock()
				d.gaveUp = time.Now()
				d.mu.Unlock()
				d.config.Log.Warn("leave the tail of a dead writer to another process", "writer", t.id, "entries", n, "error", err)
				return
			case err != nil:
				d.config.Log.Error("drain writer", "writer", t.id, "error", err)
			default:
				t.pass++
			}
		}
		if t.pass >= len(d.passes) {
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

// errStuck: nothing of a tail went forward for a lease, so another process had better try.
var errStuck = errors.New("publisher: the tail does not go forward")

// holding renews the hold on a tail at each tick while the work goes forward, and ends the work
// when the hold is lost, or when nothing went forward for a lease: this process may be the one that
// cannot reach the stream. Its error is the work's, that of the renewal that failed its condition,
// or errStuck.
func (d *Drainer) holding(ctx context.Context, t *tail, tick <-chan time.Time, work func(context.Context) error) error {
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
	key := table.Key{PK: journal.WriterKind, SK: t.id}
	if err := d.config.Table.Delete(ctx, control.Name, key, table.Equals("epoch", t.epoch)); err != nil {
		d.config.Log.Warn("remove drained writer", "writer", t.id, "error", err) // the next drainer passes once more
	}
}

// publish reads everything after the point that the writer had saved, in the writer's order, and
// waits until the stream has it.
func (d *Drainer) publish(ctx context.Context, t *tail) (entries int, err error) {
	const inFlight = 1000
	slots := make(chan struct{}, inFlight)
	var unread int
	var first error
	for c, err := range journal.TailOf(ctx, d.config.Table, t.id, t.published, t.handed.has) {
		if err != nil {
			if unread++; first == nil {
				first = err
			}
			continue // what follows is published all the same; this pass comes again
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return entries, ctx.Err()
		}
		t.steps.Add(1)
		d.config.Publisher.publish(waiting{Committed: c, sent: func() { t.took(c.N); <-slots }, given: ctx.Done()})
		t.handed.add(c.N)
		entries++
	}
	for range inFlight { // every slot taken: everything was acknowledged
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
