package consumer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// tape is a handler that records its deliveries, on all shards of all workers of a test.
type tape struct {
	mu     sync.Mutex
	log    []played
	opened []played
	closed int
	idle   map[string]int
	// before runs in every Handle, outside of the lock.
	before func(ctx context.Context, worker string, b Batch) error
	// lag keeps a handler's checkpoint that many deliveries behind, as an archiver does.
	lag int
}

// played is a delivery or an opening, and the worker that got it.
type played struct {
	worker, shard, sequence string
	entry                   *event.Entry
	created                 time.Time     // of the stream
	late                    time.Duration // since it arrived on the stream
}

type tapeHandler struct {
	tape    *tape
	worker  string
	unsaved []string
}

func (t *tape) opener(worker string) Opener {
	return func(_ context.Context, s Shard, checkpoint string) (Handler, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.opened = append(t.opened, played{worker: worker, shard: s.ID, sequence: checkpoint, created: s.Created})
		return &tapeHandler{tape: t, worker: worker}, nil
	}
}

func (h *tapeHandler) Handle(ctx context.Context, b Batch) (string, error) {
	if h.tape.before != nil {
		if err := h.tape.before(ctx, h.worker, b); err != nil {
			return "", err
		}
	}
	t := h.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(b.Deliveries) == 0 {
		if t.idle == nil {
			t.idle = map[string]int{}
		}
		t.idle[b.Shard.ID]++
	}
	for _, d := range b.Deliveries {
		t.log = append(t.log, played{h.worker, b.Shard.ID, d.Sequence, d.Entry, b.Shard.Created, time.Since(d.Arrived)})
		h.unsaved = append(h.unsaved, d.Sequence)
	}
	lag := t.lag
	if b.Ended {
		lag = 0
	}
	if len(h.unsaved) <= lag {
		return "", nil
	}
	done := h.unsaved[len(h.unsaved)-1-lag]
	h.unsaved = h.unsaved[len(h.unsaved)-lag:]
	return done, nil
}

func (h *tapeHandler) Close() error {
	h.tape.mu.Lock()
	defer h.tape.mu.Unlock()
	h.tape.closed++
	return nil
}

func (t *tape) plays() []played {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]played(nil), t.log...)
}

func (t *tape) openings() []played {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]played(nil), t.opened...)
}

// checkOnce fails the test unless every entry was delivered once, and each account's in order.
func (t *tape) checkOnce(tb testing.TB, want []*event.Entry) {
	tb.Helper()
	last := map[event.Account]int64{}
	plays := t.plays()
	for _, p := range plays {
		a := p.entry.Account()
		if p.entry.First != last[a]+1 {
			tb.Fatalf("%s v%d was delivered after v%d, on %s", a, p.entry.First, last[a], p.shard)
		}
		last[a] = p.entry.Last
	}
	if len(plays) != len(want) {
		tb.Fatalf("%d entries delivered, want %d", len(plays), len(want))
	}
}

// checkAll fails the test unless every entry was delivered, and the first deliveries of each
// account in order. Entries may have been delivered again.
func (t *tape) checkAll(tb testing.TB, want []*event.Entry) {
	tb.Helper()
	last := map[event.Account]int64{}
	for _, p := range t.plays() {
		a := p.entry.Account()
		if p.entry.First > last[a]+1 {
			tb.Fatalf("%s v%d was delivered after v%d, on %s", a, p.entry.First, last[a], p.shard)
		}
		last[a] = max(last[a], p.entry.Last)
	}
	for _, e := range want {
		if last[e.Account()] < e.Last {
			tb.Fatalf("%s ends at v%d, v%d was put", e.Account(), last[e.Account()], e.Last)
		}
	}
}

// wire is a worker's connection to the table. It can be cut, and can delay writes.
type wire struct {
	table.Table
	mu   sync.Mutex
	cut  bool
	gate chan struct{} // if not nil, Puts wait until it is closed
	late func(error)   // called with the error of a Put that waited
	puts map[string]int
}

var errCut = errors.New("wire cut")

func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

func (w *wire) isCut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut
}

func (w *wire) Put(ctx context.Context, p table.Put) error {
	if w.isCut() {
		return errCut
	}
	w.mu.Lock()
	gate, late := w.gate, w.late
	if w.puts == nil {
		w.puts = map[string]int{}
	}
	w.puts[p.Row.PK]++
	w.mu.Unlock()
	if gate == nil {
		return w.Table.Put(ctx, p)
	}
	select { // the caller gives up, and the write is still in flight
	case <-ctx.Done():
		go func() {
			<-gate
			late(w.Table.Put(context.WithoutCancel(ctx), p))
		}()
		return ctx.Err()
	case <-gate:
		return w.Table.Put(ctx, p)
	}
}

func (w *wire) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, w.Put)
}

func (w *wire) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	if w.isCut() {
		return table.Row{}, errCut
	}
	return w.Table.Get(ctx, name, k, consistent)
}

func (w *wire) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if w.isCut() {
		return table.Page{}, errCut
	}
	return w.Table.Query(ctx, q)
}

// team is the workers of a test.
type team struct {
	*bank
	tape *tape
	stop map[string]func()
	wire map[string]*wire
	// reads is what the workers read: the bank's stream, or a decorator of it.
	reads stream.Stream
}

func newTeam(t *testing.T, shards int) *team {
	t.Helper()
	return newTeamAt(t, newBank(t, shards))
}

func newTeamAt(t *testing.T, b *bank) *team {
	c := &team{bank: b, tape: &tape{}, stop: map[string]func(){}, wire: map[string]*wire{}}
	c.reads = c.bank.streams
	t.Cleanup(func() {
		for name := range c.stop {
			c.halt(name)
		}
	})
	return c
}

// start runs a worker whose configuration was changed by change.
func (c *team) start(name string, change func(*Config)) {
	c.t.Helper()
	c.wire[name] = &wire{Table: c.table}
	config := Config{
		Runtime: Runtime{Stream: testStream, Owner: name, Lease: testLease, Table: c.wire[name], Streams: c.reads, Log: quietLog},
		Name:    "tape", Open: c.tape.opener(name),
	}
	if change != nil {
		change(&config)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- New(config).Run(ctx) }()
	c.stop[name] = func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("worker %s: %v", name, err)
		}
	}
}

// halt ends a worker and waits until it has handed its shards over.
func (c *team) halt(name string) {
	if stop := c.stop[name]; stop != nil {
		delete(c.stop, name)
		stop()
	}
}

// leases returns the leases of the team, by shard.
func (c *team) leases() map[string]lease {
	c.t.Helper()
	leases, err := leasesOf(c.table, testStream, "tape").list(c.t.Context())
	c.must(err)
	return leases
}

// owned counts the unfinished shards by owner.
func (c *team) owned() map[string]int {
	owned := map[string]int{}
	for _, l := range c.leases() {
		if !l.ended() {
			owned[l.owner]++
		}
	}
	return owned
}

// within waits until a condition is met, and fails the test if that takes longer than d of the
// bubble's clock.
func (c *team) within(d time.Duration, what string, met func() bool) time.Duration {
	c.t.Helper()
	began := time.Now()
	for !met() {
		if time.Since(began) > d {
			c.t.Fatalf("not within %v: %s", d, what)
		}
		c.must(backoff.Sleep(c.t.Context(), 10*time.Millisecond))
	}
	return time.Since(began)
}

func (c *team) delivered(n int) func() bool {
	return func() bool { return len(c.tape.plays()) >= n }
}
