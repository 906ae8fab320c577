package consumer

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/stream"
)

func TestDeadWorkersShardsAreTakenWithinOneAndAHalfLeases(t *testing.T) {
	for offset := range 8 { // where in its renewals the worker dies
		synctest.Test(t, func(t *testing.T) {
			c := newTeam(t, 4)
			c.start("a", nil)
			c.within(time.Second, "a has all", func() bool { return c.owned()["a"] == 4 })
			c.start("b", nil)
			c.within(2*time.Second, "they share", func() bool { return c.owned()["a"] == 2 && c.owned()["b"] == 2 })
			time.Sleep(testLease + time.Duration(offset)*137*time.Millisecond)
			c.wire["a"].setCut(true)
			took := c.within(testLease*3/2, "b has all", func() bool { return c.owned()["b"] == 4 })
			if took < testLease/2 {
				t.Errorf("taken after %v: the worker could still have been alive", took)
			}
		})
	}
}

func TestStoppedWorkerHandsOverWithinTwoSecondsAndDeliversNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 4)
		entries := archivetest.Bank(1, 30, 300)
		c.start("a", nil)
		c.within(time.Second, "a has all", func() bool { return c.owned()["a"] == 4 })
		c.publish(entries[:200]...)
		c.within(time.Second, "read", c.delivered(200))
		c.start("b", nil)
		time.Sleep(5 * time.Second)
		c.publish(entries[200:250]...)
		c.within(100*time.Millisecond, "read at once", c.delivered(250))
		began := time.Now()
		c.halt("a")
		c.within(2*time.Second-time.Since(began), "b has all", func() bool { return c.owned()["b"] == 4 })
		c.publish(entries[250:]...)
		c.within(time.Second, "read", c.delivered(300))
		c.tape.checkOnce(t, entries)
	})
}

// A batch that takes longer than the grace is cut short, and the shard is still handed over in
// time.
func TestSlowBatchDoesNotDelayAHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(1, 1, 1)
		c.tape.before = func(ctx context.Context, worker string, b Batch) error {
			if worker == "a" && len(b.Deliveries) > 0 {
				return backoff.Sleep(ctx, 3*time.Second)
			}
			return nil
		}
		c.start("a", nil)
		c.publish(entries...)
		time.Sleep(100 * time.Millisecond)
		c.start("b", nil)
		c.halt("a")
		c.within(2*time.Second, "b reads it", c.delivered(1))
	})
}

func TestShardCountsDifferByOneAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 8)
		even := func(workers int) func() bool {
			return func() bool {
				owned := c.owned()
				for _, n := range owned {
					if n < 8/workers || n > (8+workers-1)/workers {
						return false
					}
				}
				return len(owned) == workers
			}
		}
		c.start("a", nil)
		c.within(time.Second, "a has all", even(1))
		c.start("b", nil)
		c.within(2*time.Second, "4 and 4", even(2))
		c.start("c", nil)
		c.within(4*time.Second, "3, 3 and 2", even(3))
		time.Sleep(time.Minute)
		moves := len(c.tape.openings())
		time.Sleep(time.Minute)
		if n := len(c.tape.openings()); n != moves {
			t.Errorf("%d leases moved in a minute without a change", n-moves)
		}
		c.halt("a")
		c.within(3*time.Second, "4 and 4 again", even(2))
	})
}

// A worker that was paused for longer than its lease still has writes in flight. None of them may
// change the lease, which another worker has, or the checkpoint.
func TestZombieCannotCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(2, 1, 20)
		c.start("a", nil)
		c.publish(entries[:5]...)
		c.within(time.Second, "a reads", c.delivered(5))
		time.Sleep(2 * time.Second)
		wire, gate := c.wire["a"], make(chan struct{})
		results := make(chan error, 100)
		wire.mu.Lock()
		wire.gate, wire.late = gate, func(err error) { results <- err }
		wire.mu.Unlock()
		c.start("b", nil)
		c.publish(entries[5:10]...)
		c.within(2*testLease, "b took the shard", func() bool { return c.owned()["b"] == 1 })
		c.publish(entries[10:]...)
		c.within(time.Second, "b reads", func() bool {
			plays := c.tape.plays()
			return plays[len(plays)-1].entry.Last == entries[19].Last
		})
		time.Sleep(2 * time.Second)
		c.wire["b"].setCut(true) // only the zombie writes from here on: a renewal of b may be due now
		synctest.Wait()
		before := c.leases()
		close(gate)
		synctest.Wait()
		for shard, after := range c.leases() {
			if !after.same(before[shard]) {
				t.Errorf("a zombie changed the lease from %+v to %+v", before[shard], after)
			}
		}
		if len(results) == 0 {
			t.Error("no write of the zombie arrived")
		}
		for range len(results) {
			if err := <-results; err == nil {
				t.Error("a zombie's write was accepted")
			}
		}
	})
}

// dated counts the calls of Created.
type dated struct {
	stream.Stream
	asked atomic.Int64
}

func (d *dated) Created(ctx context.Context, name string) (time.Time, error) {
	d.asked.Add(1)
	return d.Stream.Created(ctx, name)
}

// Kinesis answers 20 such calls a second in an AWS account, for all workers of all consumers.
func TestCreationIsReadOnceALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 4)
		counted := &dated{}
		c.start("a", func(config *Config) { counted.Stream, config.Runtime.Streams = config.Runtime.Streams, counted })
		c.within(time.Second, "a has all", func() bool { return c.owned()["a"] == 4 })
		before := counted.asked.Load()
		time.Sleep(10 * testLease)
		if n := counted.asked.Load() - before; n < 5 || n > 10 {
			t.Errorf("%d times in 10 leases", n)
		}
	})
}

func TestStalledReaderLosesItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		stuck := make(chan struct{})
		c.tape.before = func(_ context.Context, worker string, b Batch) error {
			if worker == "a" && len(b.Deliveries) > 0 {
				<-stuck // it ignores its context
			}
			return nil
		}
		c.start("a", nil)
		c.within(time.Second, "a has it", func() bool { return c.owned()["a"] == 1 })
		c.start("b", nil)
		c.publish(archivetest.Bank(3, 1, 3)...)
		c.within(testLease*2, "b reads", c.delivered(3))
		if owned := c.owned(); owned["b"] != 1 {
			t.Errorf("owned %v", owned)
		}
		close(stuck)
	})
}

func TestExclusiveWorkerDoesNotWaitForDeadWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 4)
		c.start("a", nil)
		c.within(time.Second, "a has all", func() bool { return c.owned()["a"] == 4 })
		c.wire["a"].setCut(true)
		c.start("b", func(config *Config) { config.Runtime.Exclusive = true })
		c.within(50*time.Millisecond, "b has all", func() bool { return c.owned()["b"] == 4 })
	})
}

// A shard costs each consumer half a write a second, at a lease of 8 seconds or more. A shorter
// lease costs a renewal each quarter of it.
func TestCheckpointAndRenewalAreOneWriteInTwoSeconds(t *testing.T) {
	for _, c := range []struct {
		length     time.Duration
		busy, idle int // lease writes in 30 seconds
	}{{20 * time.Second, 15, 6}, {DefaultLease, 15, 12}, {8 * time.Second, 15, 15}, {5 * time.Second, 24, 24}} {
		synctest.Test(t, func(t *testing.T) {
			team := newTeam(t, 1)
			team.start("a", func(config *Config) { config.Runtime.Lease = c.length })
			entries := archivetest.Bank(4, 1, 300)
			time.Sleep(time.Second)
			before := team.puts("a")
			for _, e := range entries { // thirty seconds of traffic, then thirty of silence
				team.publish(e)
				time.Sleep(100 * time.Millisecond)
			}
			busy := team.puts("a") - before
			time.Sleep(c.length / 2)
			before = team.puts("a")
			time.Sleep(30 * time.Second)
			idle := team.puts("a") - before
			if busy > c.busy || busy < c.busy-1 {
				t.Errorf("lease of %v: %d writes in 30 busy seconds, want %d", c.length, busy, c.busy)
			}
			if idle > c.idle || idle < c.idle-1 {
				t.Errorf("lease of %v: %d writes in 30 idle seconds, want %d", c.length, idle, c.idle)
			}
		})
	}
}

func (c *team) puts(worker string) int {
	w := c.wire[worker]
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.puts["lease#"+testStream+"#tape"]
}

// The table cannot be reached for less than a lease: the worker keeps its shards.
func TestLeaseSurvivesFailuresShorterThanItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		c.start("a", nil)
		c.within(time.Second, "a has all", func() bool { return c.owned()["a"] == 2 })
		for range 10 {
			c.wire["a"].setCut(true)
			time.Sleep(testLease / 2)
			c.wire["a"].setCut(false)
			time.Sleep(testLease / 2)
		}
		if n := len(c.tape.openings()); n != 2 {
			t.Errorf("%d handlers were opened, want 2", n)
		}
	})
}

// A lease is written and the answer is lost: the row shows that the write was applied.
func TestLeaseSurvivesLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		lost := c.table.Arm(&faults.Rule{Match: faults.On(control.Name), After: errors.New("connection reset")}, 1<<30)
		c.start("a", nil)
		c.publish(archivetest.Bank(4, 5, 50)...)
		time.Sleep(5 * testLease)
		if n := len(c.tape.openings()); n != 2 || c.owned()["a"] != 2 {
			t.Errorf("%d handlers were opened, want 2; owned %v", n, c.owned())
		}
		if lost.Fired() < 20 {
			t.Errorf("%d answers were lost", lost.Fired())
		}
	})
}

// The last renewal before a hand-over gets no answer, as its context ends with the reader's. The
// lease is still handed over.
func TestHandOverSurvivesARenewalWithoutAnAnswer(t *testing.T) {
	b := newBank(t, 1)
	line := &wire{Table: b.table}
	leases := leasesOf(line, testStream, "tape")
	first := newLease(b.shards()[0], 1)
	first.owner = "a"
	l, err := leases.write(t.Context(), first)
	b.must(err)
	h := newLeaseKeeper(leases, l, testLease, time.Now())
	h.recordProgress("17", 0)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	arrived := make(chan error)
	line.gate, line.late = make(chan struct{}), func(err error) { arrived <- err }
	if err := h.write(ctx, func(*lease) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("renewal: %v", err)
	}
	close(line.gate)
	b.must(<-arrived)
	line.gate = nil
	h.recordProgress("18", 0)
	b.must(h.release(t.Context()))
	got, err := leases.get(t.Context(), l.shard)
	if err != nil || got.owner != "" || got.checkpoint != "18" || got.epoch != 3 {
		t.Errorf("lease %+v, %v", got, err)
	}
}

func TestFailedHandlerIsOpenedAgainAtTheCheckpointAndAFatalErrorEndsTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(5, 1, 10)
		failures := 0
		c.tape.lag = 2
		c.tape.before = func(_ context.Context, _ string, b Batch) error {
			if n := len(b.Deliveries); n > 0 && b.Deliveries[n-1].Entry.Last > entries[4].Last && failures < 3 {
				failures++
				return errors.New("cannot now")
			}
			return nil
		}
		c.start("a", nil)
		c.publish(entries[:5]...)
		c.within(time.Second, "read", c.delivered(5))
		time.Sleep(2 * time.Second)
		c.publish(entries[5:]...)
		c.within(5*time.Second, "read again from the checkpoint", c.delivered(5+2+5))
		openings := c.tape.openings()
		if got := openings[len(openings)-1].sequence; got != c.tape.plays()[2].sequence {
			t.Errorf("opened at %s, want %s", got, c.tape.plays()[2].sequence)
		}
		if len(openings) != 4 || c.tape.closed != 3 {
			t.Errorf("%d opened, %d closed", len(openings), c.tape.closed)
		}

		broken := errors.New("diverged")
		ended := make(chan error)
		go func() {
			ended <- New(Config{
				Runtime: Runtime{Stream: testStream, Owner: "x", Lease: testLease, Table: c.table, Streams: c.streams, Log: quietLog},
				Name:    "other",
				Open:    func(context.Context, Shard, string) (Handler, error) { return nil, Fatal(broken) },
			}).Run(t.Context())
		}()
		if err := <-ended; !errors.Is(err, broken) {
			t.Errorf("the worker ended with %v", err)
		}
	})
}
