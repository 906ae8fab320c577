package consumer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/faults"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

// kept is the retention of the streams of these tests.
const kept = 4 * time.Minute

// forgetful is a stream that, like Kinesis, is no Notifier and forgets what it trimmed: even the
// newest record of a shard is no position once it is gone.
type forgetful struct{ stream.Stream }

func (f forgetful) Iterator(ctx context.Context, name, shard string, at stream.Position) (string, error) {
	switch {
	case at.Where == stream.AfterSequence:
		there := stream.Position{Where: stream.AtSequence, Sequence: at.Sequence}
		if _, err := f.Stream.Iterator(ctx, name, shard, there); err != nil {
			return "", err
		}
	case at.Where == stream.AtTime && time.Since(at.Time) > kept:
		return "", stream.ErrTrimmed
	}
	return f.Stream.Iterator(ctx, name, shard, at)
}

// newQuietTeam returns a team on a forgetful stream, whose worker a has read all of its 20 records.
func newQuietTeam(t *testing.T, lag int) *team {
	t.Helper()
	// the stream's clock, not ours
	slow := func() time.Time { return time.Now().Add(-clockMargin / 2) }
	c := newTeamAt(t, newBankWith(t, pebblestream.Options{Shards: 1, Retention: kept, Now: slow}))
	c.reads, c.tape.lag = forgetful{c.streams}, lag
	c.start("a", nil)
	c.publish(archivetest.Bank(1, 5, 20)...)
	c.within(2*time.Second, "read", c.delivered(20))
	time.Sleep(2 * time.Second)
	return c
}

// checkForgotten fails the test unless the newest record that was read is no position any more.
func (c *team) checkForgotten() {
	c.t.Helper()
	plays := c.tape.plays()
	newest := plays[len(plays)-1]
	if _, err := c.reads.Iterator(c.t.Context(), testStream, newest.shard, afterCheckpoint(newest.sequence)); !errors.Is(err, stream.ErrTrimmed) {
		c.t.Fatalf("the newest record is still there: %v", err)
	}
}

// A shard is quiet for longer than the retention, and read all the time: the next reader misses
// nothing, reads nothing twice and records no hole.
func TestQuietShardIsNoHole(t *testing.T) {
	entries := archivetest.Bank(1, 5, 40)
	for name, c := range map[string]struct {
		resume func(c *team)
		put    int // by resume
	}{
		"handed over": {resume: func(c *team) { c.halt("a"); c.start("b", nil) }},
		"taken from a dead worker": {resume: func(c *team) {
			c.wire["a"].setCut(true)
			c.start("b", nil)
			c.within(2*testLease, "b has it", func() bool { return c.owned()["b"] == 1 })
		}},
		"no worker for most of the retention": {resume: func(c *team) {
			c.halt("a")
			time.Sleep(kept - 2*clockMargin)
			c.start("b", nil)
		}},
		"iterator expired": {resume: func(c *team) {
			c.streams.Fail(faults.Chances{Expire: 50})
			time.Sleep(time.Minute)
			if c.streams.Fired().Expire == 0 {
				c.t.Error("no iterator expired")
			}
			c.streams.Fail(faults.Chances{})
			time.Sleep(2*PollEvery + time.Millisecond)
		}},
		"put at once by a clock behind ours": {put: 10, resume: func(c *team) {
			c.halt("a")
			c.publish(entries[20:30]...)
			c.start("b", nil)
		}},
		"put while no worker ran": {put: 10, resume: func(c *team) {
			c.halt("a")
			c.publish(entries[20:30]...)
			time.Sleep(kept / 2)
			c.start("b", nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				team := newQuietTeam(t, 0)
				time.Sleep(kept + 2*time.Minute)
				team.checkForgotten()
				c.resume(team)
				team.publish(entries[20+c.put:]...)
				team.within(2*time.Second, "read", team.delivered(len(entries)))
				team.tape.checkOnce(t, entries)
				if n := team.foundHoles(); n != 0 {
					t.Errorf("%d holes on a shard that lost nothing", n)
				}
			})
		})
	}
}

// Records that arrived and were trimmed while no worker read are a hole, and so are records that
// were read and not checkpointed.
func TestTrimmedRecordsOfAQuietShardAreAHole(t *testing.T) {
	entries := archivetest.Bank(1, 5, 40)
	for name, c := range map[string]struct {
		lag  int
		lose func(c *team)
		want int // deliveries
	}{
		"arrived and trimmed": {0, func(c *team) {
			time.Sleep(kept + 2*time.Minute)
			c.halt("a")
			c.publish(entries[20:30]...)
			time.Sleep(kept + 2*time.Minute)
			c.publish(entries[30:]...)
		}, 20 + 10},
		"arrived at once and trimmed": {0, func(c *team) {
			c.halt("a")
			c.publish(entries[20:30]...)
			time.Sleep(kept + 2*time.Minute)
			c.publish(entries[30:]...)
		}, 20 + 10},
		"read and not checkpointed": {5, func(c *team) {
			time.Sleep(kept + 2*time.Minute)
			c.halt("a")
			c.publish(entries[20:]...)
		}, 20 + 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				team := newQuietTeam(t, c.lag)
				c.lose(team)
				team.checkForgotten()
				team.start("b", nil)
				team.within(2*testLease, "read from the horizon", team.delivered(c.want))
				if n := team.foundHoles(); n != 1 {
					t.Errorf("%d holes, want 1", n)
				}
			})
		})
	}
}
