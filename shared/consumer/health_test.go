package consumer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// unready fails the test unless the process is not ready and the reason names all of names.
func unready(t *testing.T, h *Health, names ...string) {
	t.Helper()
	err := h.Ready()
	if err == nil {
		t.Fatalf("ready, want %q", names)
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("unready as %q, want %q in it", err, name)
		}
	}
}

func ready(t *testing.T, h *Health) {
	t.Helper()
	if err := h.Ready(); err != nil {
		t.Fatal(err)
	}
}

func TestProcessIsReadyWhileItsWorkersReadTheLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		h := NewHealth()
		unready(t, h, "no worker")
		healthy := func(config *Config) { config.Runtime.Health = h }
		c.start("a", func(config *Config) { healthy(config); config.Runtime.Table.(*wire).cut = true })
		time.Sleep(2 * time.Second)
		unready(t, h, "tape", "the leases have not been read yet", errCut.Error())
		c.wire["a"].setCut(false)
		time.Sleep(2 * time.Second)
		ready(t, h)

		c.wire["a"].setCut(true) // for less than a lease, then for longer
		time.Sleep(testLease * 3 / 4)
		ready(t, h)
		c.wire["a"].setCut(false)
		time.Sleep(2 * time.Second)
		c.wire["a"].setCut(true)
		time.Sleep(testLease + time.Second)
		unready(t, h, "tape", "the leases have not been read for", errCut.Error())
		c.wire["a"].setCut(false)
		time.Sleep(2 * time.Second)
		ready(t, h)

		// A worker that is added, as for a rebuilt generation, has the length of a lease to begin.
		c.start("b", func(config *Config) { healthy(config); config.Name = "tape@2"; config.Runtime.Table.(*wire).cut = true })
		time.Sleep(testLease / 2)
		ready(t, h)
		time.Sleep(testLease)
		unready(t, h, "tape@2", "the leases have not been read yet")
		c.halt("b")
		ready(t, h)
		c.halt("a")
		unready(t, h, "no worker")
	})
}

func TestProcessIsNotReadyWhileAShardFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		h := NewHealth()
		entries := archivetest.Bank(1, 10, 40)
		var failing atomic.Bool
		broken := errors.New("row refused")
		c.tape.before = func(_ context.Context, _ string, b Batch) error {
			if failing.Load() && b.Shard.ID == "shardId-000000000001" && len(b.Deliveries) > 0 {
				return broken
			}
			return nil
		}
		c.start("a", func(config *Config) { config.Runtime.Health = h })
		c.publish(entries[:20]...)
		time.Sleep(2 * testLease)
		ready(t, h)
		failing.Store(true)
		c.publish(entries[20:]...)
		time.Sleep(testLease / 2)
		ready(t, h)
		time.Sleep(testLease)
		unready(t, h, "tape", "shardId-000000000001", broken.Error())
		failing.Store(false)
		c.within(2*testLease, "read", c.delivered(40))
		ready(t, h)
	})
}

// A reader that hangs loses its lease and takes it again. The process is still not ready.
func TestProcessIsNotReadyWhileAShardHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		h := NewHealth()
		var hangs atomic.Bool
		hangs.Store(true)
		c.tape.before = func(ctx context.Context, _ string, b Batch) error {
			if hangs.Load() && len(b.Deliveries) > 0 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		c.start("a", func(config *Config) { config.Runtime.Health = h })
		time.Sleep(time.Second)
		c.publish(archivetest.Bank(1, 1, 5)...)
		time.Sleep(testLease / 2)
		ready(t, h)
		for range 10 {
			time.Sleep(testLease)
			unready(t, h, "shardId-000000000000", "no progress")
		}
		hangs.Store(false)
		c.within(2*testLease, "read", c.delivered(5))
		ready(t, h)
	})
}

// A shard that fails here and that another worker takes no longer makes this process unready.
func TestFailingShardThatWasHandedOverIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		h := NewHealth()
		c.tape.before = func(_ context.Context, worker string, b Batch) error {
			if worker == "a" && len(b.Deliveries) > 0 {
				return errCut
			}
			return nil
		}
		c.start("a", func(config *Config) { config.Runtime.Health = h })
		c.publish(archivetest.Bank(1, 1, 5)...)
		time.Sleep(2 * testLease)
		unready(t, h, errCut.Error())
		c.within(time.Second, "b claims it", func() bool { // a's own writes come between
			l := c.leases()["shardId-000000000000"]
			l.claim = "b"
			_, err := leasesOf(c.table, testStream, "tape").write(t.Context(), l)
			return err == nil
		})
		c.within(2*time.Second, "b gets it", func() bool { return c.owned()["b"] == 1 })
		time.Sleep(time.Second)
		ready(t, h)
	})
}

// denying is a stream that refuses a call.
type denying struct {
	stream.Stream
	shards, get atomic.Bool
}

func (r *denying) Shards(ctx context.Context, name string) ([]stream.Shard, error) {
	if r.shards.Load() {
		return nil, stream.ErrRefused
	}
	return r.Stream.Shards(ctx, name)
}

func (r *denying) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	if r.get.Load() {
		return stream.Batch{}, stream.ErrRefused
	}
	return r.Stream.Get(ctx, iterator, limit)
}

// A process that never had the rights it needs ends and says so; one that lost them waits until it
// has them again.
func TestWorkerEndsWhenItIsRefusedFromTheStart(t *testing.T) {
	for name, refuse := range map[string]func(r *denying, tbl *faults.Table){
		"list shards": func(r *denying, _ *faults.Table) { r.shards.Store(true) },
		"get records": func(r *denying, _ *faults.Table) { r.get.Store(true) },
		"write leases": func(_ *denying, tbl *faults.Table) {
			tbl.Arm(&faults.Rule{Match: faults.On(control.Name), Before: table.ErrRefused}, 1<<30)
		},
	} {
		for _, leased := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				c := newTeam(t, 1)
				if leased { // there are leases from an earlier process
					c.start("b", nil)
					c.within(time.Second, "b has it", func() bool { return c.owned()["b"] == 1 })
					c.halt("b")
				}
				r := &denying{Stream: c.streams}
				tbl := faults.NewTable(c.table)
				refuse(r, tbl)
				err := New(Config{
					Runtime: Runtime{Stream: testStream, Owner: "a", Lease: testLease, Table: tbl, Streams: r, Log: quietLog},
					Name:    "tape", Open: c.tape.opener("a"),
				}).Run(t.Context())
				if !errors.Is(err, stream.ErrRefused) && !errors.Is(err, table.ErrRefused) {
					t.Errorf("%s, leased %v: ended with %v", name, leased, err)
				}
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		r := &denying{Stream: c.streams}
		c.start("a", func(config *Config) { config.Runtime.Streams = r })
		entries := archivetest.Bank(1, 1, 10)
		c.publish(entries[:5]...)
		c.within(time.Second, "read", c.delivered(5))
		r.shards.Store(true)
		r.get.Store(true)
		c.publish(entries[5:]...)
		time.Sleep(time.Minute)
		r.shards.Store(false)
		r.get.Store(false)
		c.within(2*testLease, "read on", c.delivered(10))
	})
}

// A process that stands by, as there are more processes than shards, has processed nothing however
// long it runs. It does not count as just started.
func TestStandbySurvivesARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		c.start("a", nil)
		c.within(time.Second, "a has it", func() bool { return c.owned()["a"] == 1 })
		r := &denying{Stream: c.streams}
		c.start("b", func(config *Config) { config.Runtime.Streams = r })
		time.Sleep(5 * time.Minute)
		r.shards.Store(true)
		time.Sleep(time.Minute)
		r.shards.Store(false)
		c.halt("a")
		c.publish(archivetest.Bank(1, 1, 5)...)
		c.within(2*testLease, "b reads", c.delivered(5))
	})
}
