package consumer

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/backoff"
	"passbook/shared/table"
)

// handOffWithin is how long a drained instance's shards may be without a reader: 2 seconds, and a
// poll of the test.
const handOffWithin = 2*time.Second + 50*time.Millisecond

// An instance claims shards and is drained before, as or after it gets them. Whoever was asked for
// them must not hand them to it.
func TestInstanceDrainedAsItClaimsIsHandedNothing(t *testing.T) {
	for _, after := range []time.Duration{0, 50, 100, 150, 200, 250, 300, 400, 500, 700, 900, 1100, 1300} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, 6)
			f.start("a")
			f.within(2*time.Second, "a holds all", f.held)
			f.must(backoff.Sleep(t.Context(), 5*time.Second))
			f.start("b")
			f.within(5*time.Second, "b claims", func() bool { return f.named("balance@1")["b"] > 0 })
			f.must(backoff.Sleep(t.Context(), after*time.Millisecond))
			f.drain("b")
			for _, consumer := range fleetConsumers {
				if n := f.named(consumer)["b"]; n != 0 {
					t.Errorf("drained %v after its first claim: b ended, and %d leases of %s name it", after*time.Millisecond, n, consumer)
				}
			}
			f.within(handOffWithin, "a holds all again", f.held)
		})
	}
}

// named counts the leases of a consumer on which an instance's name stands, as their owner or their
// claim.
func (f *fleet) named(consumer string) map[string]int {
	f.t.Helper()
	leases, err := leasesOf(f.table, testStream, consumer).list(f.t.Context())
	f.must(err)
	names := map[string]int{}
	for _, l := range leases {
		names[l.owner]++
		if l.claim != "" {
			names[l.claim]++
		}
	}
	return names
}

// One dies and, before that is known, another is drained. The shards that were the drained one's
// belong in part to the dead one's share, and somebody must read them all the same.
func TestShardsHandedToNobodyAreTakenAlthoughOneIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 6)
		f.start("a")
		f.start("b")
		f.start("c")
		f.within(5*time.Second, "shared", f.even)
		f.must(backoff.Sleep(t.Context(), DefaultLease))
		f.kill("b")
		f.drain("a")
		f.within(handOffWithin, "c holds all but the dead one's", func() bool {
			for _, counts := range f.unread() {
				if counts["c"] != 4 {
					return false
				}
			}
			return true
		})
	})
}

// cutOff is a worker's line to the table. The worker is told to end while its first write of a
// lease in its own name is on its way: the write reaches the table at once, or, if held, only when
// release is called; the worker gets no answer to it.
type cutOff struct {
	table.Table
	owner string
	end   func()
	held  bool
	once  sync.Once
	late  func() error
}

func (c *cutOff) Put(ctx context.Context, p table.Put) (err error) {
	first := false
	if a := p.Row.Attrs; a.Text("owner") == c.owner || a.Text("claim") == c.owner {
		c.once.Do(func() { first = true })
	}
	if !first {
		return c.Table.Put(ctx, p)
	}
	c.late = func() error { return c.Table.Put(context.Background(), p) }
	if !c.held {
		err = c.late()
	}
	c.end()
	<-ctx.Done()
	if err != nil {
		return err
	}
	return ctx.Err()
}

// Get is as a real table's: nothing is read for a caller that has ended.
func (c *cutOff) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	if ctx.Err() != nil {
		return table.Row{}, ctx.Err()
	}
	return c.Table.Get(ctx, name, k, consistent)
}

// A worker is told to end as it writes its name on a lease: it cannot know whether it has the
// shard.
func TestNameWrittenAsTheWorkerEndsIsTakenOff(t *testing.T) {
	for _, held := range []bool{false, true} {
		for _, claims := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				c := newTeam(t, 2)
				if claims {
					c.start("a", nil)
					c.within(time.Second, "a holds all", func() bool { return c.owned()["a"] == 2 })
				}
				ctx, end := context.WithCancel(t.Context())
				line := &cutOff{Table: c.table, owner: "b", end: end, held: held}
				c.must(New(Config{
					Runtime: Runtime{Stream: testStream, Owner: "b", Lease: testLease, Table: line, Streams: c.reads, Log: quietLog},
					Name:    "tape", Open: c.tape.opener("b"),
				}).Run(ctx))
				if line.late == nil {
					t.Fatal("b wrote its name on no lease")
				}
				if err := line.late(); err == nil {
					t.Error("a write that was on its way when the worker ended came to pass")
				}
				for _, l := range c.leases() {
					if l.owner == "b" || l.claim == "b" {
						t.Errorf("claims %v, held up %v: lease %+v", claims, held, l)
					}
				}
			})
		}
	}
}

// The owner was asked and is in the middle of a batch when the one who asked is drained: it hands
// the shard to whoever claims it at the end, which is nobody, and takes it up again.
func TestShardIsNotHandedToWhoTookItsClaimBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		release := make(chan struct{})
		c.tape.before = func(ctx context.Context, worker string, b Batch) error {
			if worker == "a" && len(b.Deliveries) > 0 {
				<-release
			}
			return nil
		}
		c.start("a", nil) // looks at every full second
		entries := archivetest.Bank(1, 10, 20)
		c.publish(entries...)
		c.must(backoff.Sleep(t.Context(), 500*time.Millisecond))
		c.start("b", nil) // claims one at once
		c.must(backoff.Sleep(t.Context(), 900*time.Millisecond))
		c.halt("b")
		close(release)
		synctest.Wait()
		if owned := c.owned(); owned["b"] != 0 {
			t.Errorf("owned %v", owned)
		}
		c.within(2*time.Second, "a holds all again, and read all", func() bool { return c.owned()["a"] == 2 && c.delivered(20)() })
		c.tape.checkOnce(t, entries)
		if n := len(c.tape.openings()); n != 3 {
			t.Errorf("%d handlers were opened: a was to hand one shard over, and take it up again", n)
		}
	})
}

// refusing is a worker's line to a table that refuses to free leases for as long as a reader tries.
type refusing struct {
	table.Table
	ended time.Time
}

func (r *refusing) Put(ctx context.Context, p table.Put) error {
	if !r.ended.IsZero() && time.Since(r.ended) < handOverGrace {
		return errCut
	}
	return r.Table.Put(ctx, p)
}

// A reader's last write fails for as long as it may try. The worker frees the lease in its place.
func TestLeaseThatAReaderCouldNotGiveBackIsFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		line := &refusing{Table: c.table}
		c.start("a", func(config *Config) { config.Runtime.Table = line })
		c.within(time.Second, "a holds it", func() bool { return c.owned()["a"] == 1 })
		line.ended = time.Now()
		c.halt("a")
		if owned := c.owned(); owned["a"] != 0 {
			t.Errorf("owned %v", owned)
		}
	})
}

// A reader of the worker that ends takes its time. What the worker had asked for is not handed to
// it meanwhile.
func TestClaimsAreTakenBackBeforeTheLastReaderReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1)
		w := New(Config{Name: "tape", Runtime: Runtime{Stream: testStream, Owner: "b", Lease: testLease, Table: b.table, Log: quietLog}})
		l := newLease(b.shards()[0], 1)
		l.owner, l.claim = "a", "b"
		l, err := w.leases.write(t.Context(), l)
		b.must(err)
		w.runs["slow"] = &shardRun{shard: Shard{ID: "slow"}, keeper: newLeaseKeeper(w.leases, lease{shard: "slow", owner: "b"}, testLease, time.Now())}
		ended := make(chan error)
		go func() { ended <- w.handOver() }()
		synctest.Wait()
		there, err := w.leases.get(t.Context(), l.shard)
		b.must(err)
		if there.owner != "a" || there.claim != "" {
			t.Errorf("lease %+v", there)
		}
		b.must(<-ended)
	})
}
