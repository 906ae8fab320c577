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
)

// unready holds that the process is not ready and that the reason names something.
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

func TestProcessIsReadyWhileItsWorkersSeeTheLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 1)
		h := NewHealth()
		unready(t, h, "no worker")
		healthy := func(config *Config) { config.Health = h }
		c.start("a", func(config *Config) { healthy(config); config.Table.(*wire).cut = true })
		time.Sleep(2 * time.Second)
		unready(t, h, "tape", "no survey yet", errCut.Error())
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
		unready(t, h, "tape", "no survey for", errCut.Error())
		c.wire["a"].setCut(false)
		time.Sleep(2 * time.Second)
		ready(t, h)

		// A worker that is added, as for a generation that is rebuilt, is given a lease to begin.
		c.start("b", func(config *Config) { healthy(config); config.Name = "tape@2"; config.Table.(*wire).cut = true })
		time.Sleep(testLease / 2)
		ready(t, h)
		time.Sleep(testLease)
		unready(t, h, "tape@2", "no survey yet")
		c.halt("b")
		ready(t, h)
		c.halt("a")
		unready(t, h, "no worker")
	})
}

func TestProcessIsNotReadyWhileAShardFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 2)
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
		c.start("a", func(config *Config) { config.Health = h })
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

// A reader that hangs loses its lease and takes it again: the process is not well for that.
func TestProcessIsNotReadyWhileAShardHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 1)
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
		c.start("a", func(config *Config) { config.Health = h })
		time.Sleep(time.Second)
		c.publish(archivetest.Bank(1, 1, 5)...)
		time.Sleep(testLease / 2)
		ready(t, h)
		for range 10 {
			time.Sleep(testLease)
			unready(t, h, "shardId-000000000000", "stalled")
		}
		hangs.Store(false)
		c.within(2*testLease, "read", c.delivered(5))
		ready(t, h)
	})
}

// A shard that fails here and is taken by another is not this process's trouble any more.
func TestFailingShardThatWasHandedOverIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 1)
		h := NewHealth()
		c.tape.before = func(_ context.Context, worker string, b Batch) error {
			if worker == "a" && len(b.Deliveries) > 0 {
				return errPoison
			}
			return nil
		}
		c.start("a", func(config *Config) { config.Health = h })
		c.publish(archivetest.Bank(1, 1, 5)...)
		time.Sleep(2 * testLease)
		unready(t, h, errPoison.Error())
		c.within(time.Second, "b asks for it", func() bool { // a's own writes come between
			l := c.leases()["shardId-000000000000"]
			l.claim = "b"
			_, err := leasesOf(c.table, testStream, "tape").write(t.Context(), l)
			return err == nil
		})
		c.within(2*time.Second, "b is given it", func() bool { return c.owned()["b"] == 1 })
		time.Sleep(time.Second)
		ready(t, h)
	})
}
