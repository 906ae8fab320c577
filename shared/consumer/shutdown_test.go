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

// handOverWithin bounds how long the shards of an ending instance may be without a reader: 2
// seconds, and a poll of the test.
const handOverWithin = 2*time.Second + 50*time.Millisecond

// An instance claims shards and is drained before, while or after it gets them. The owner of the
// shards must not hand them to it.
func TestInstanceDrainedAsItClaimsIsHandedNothing(t *testing.T) {
	for _, after := range []time.Duration{0, 50, 100, 150, 200, 250, 300, 400, 500, 700, 900, 1100, 1300} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, 6)
			f.start("a")
			f.within(2*time.Second, "a has all", f.allOwned)
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
			f.within(handOverWithin, "a has all again", f.allOwned)
		})
	}
}

// named counts the leases of a consumer that name an instance as their owner or their claim.
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

// One instance dies and, before that is known, another is drained. Part of the drained one's shards
// belongs to the dead one's share, and a live instance must still read it.
func TestShardsWithoutAnOwnerAreTakenAlthoughOneWorkerIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 6)
		f.start("a")
		f.start("b")
		f.start("c")
		f.within(5*time.Second, "shared", f.even)
		f.must(backoff.Sleep(t.Context(), DefaultLease))
		f.kill("b")
		f.drain("a")
		f.within(handOverWithin, "c has all but those of the dead one", func() bool {
			for _, counts := range f.unread() {
				if counts["c"] != 4 {
					return false
				}
			}
			return true
		})
	})
}

// cutOff is a worker's connection to the table. It ends the worker during its first write of a
// lease in its own name. The write is applied at once, or, if delayed, when late is called; the
// worker gets no answer to it.
type cutOff struct {
	table.Table
	owner   string
	end     func()
	delayed bool
	once    sync.Once
	late    func() error
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
	if !c.delayed {
		err = c.late()
	}
	c.end()
	<-ctx.Done()
	if err != nil {
		return err
	}
	return ctx.Err()
}

func (c *cutOff) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, c.Put)
}

// Get reads nothing for a caller that has ended, as a real table does.
func (c *cutOff) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	if ctx.Err() != nil {
		return table.Row{}, ctx.Err()
	}
	return c.Table.Get(ctx, name, k, consistent)
}

// A worker is ended while it writes its name on a lease: it cannot know whether it has the shard.
func TestNameWrittenWhileTheWorkerEndsIsRemoved(t *testing.T) {
	for _, delayed := range []bool{false, true} {
		for _, claims := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				c := newTeam(t, 2)
				if claims {
					c.start("a", nil)
					c.within(time.Second, "a has all", func() bool { return c.owned()["a"] == 2 })
				}
				ctx, end := context.WithCancel(t.Context())
				line := &cutOff{Table: c.table, owner: "b", end: end, delayed: delayed}
				c.must(New(Config{
					Runtime: Runtime{Stream: testStream, Owner: "b", Lease: testLease, Table: line, Streams: c.reads, Log: quietLog},
					Name:    "tape", Open: c.tape.opener("b"),
				}).Run(ctx))
				if line.late == nil {
					t.Fatal("b wrote its name on no lease")
				}
				if err := line.late(); err == nil {
					t.Error("a write that was in flight when the worker ended was applied")
				}
				for _, l := range c.leases() {
					if l.owner == "b" || l.claim == "b" {
						t.Errorf("claims %v, delayed %v: lease %+v", claims, delayed, l)
					}
				}
			})
		}
	}
}

// The worker that claims a shard is drained while its owner is in the middle of a batch. At the end
// of the batch no worker claims the shard, and the owner takes it again.
func TestShardIsNotHandedToAWorkerThatTookItsClaimBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		release := make(chan struct{})
		c.tape.before = func(ctx context.Context, worker string, b Batch) error {
			if worker == "a" && len(b.Deliveries) > 0 {
				<-release
			}
			return nil
		}
		c.start("a", nil) // reads the leases at every full second
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
		c.within(2*time.Second, "a has all again, and has read all", func() bool { return c.owned()["a"] == 2 && c.delivered(20)() })
		c.tape.checkOnce(t, entries)
		if n := len(c.tape.openings()); n != 3 {
			t.Errorf("%d handlers were opened: a was to hand one shard over, and take it again", n)
		}
	})
}

// refusing is a table that refuses to release leases while a reader tries to.
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

func (r *refusing) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, r.Put)
}

// A reader's last write fails until its time is over. The worker then releases the lease.
func TestLeaseThatAReaderCouldNotReleaseIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		line := &refusing{Table: c.table}
		c.start("a", func(config *Config) { config.Runtime.Table = line })
		c.within(time.Second, "a has it", func() bool { return c.owned()["a"] == 1 })
		line.ended = time.Now()
		c.halt("a")
		if owned := c.owned(); owned["a"] != 0 {
			t.Errorf("owned %v", owned)
		}
	})
}

// A reader of a worker that ends takes long to return. No shard that the worker had claimed is
// handed to it in that time.
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
