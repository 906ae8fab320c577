package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/faults"

	"passbook/shared/archive/archivetest"
	"passbook/shared/stream"
)

// split splits a shard and returns its children.
func (c *team) split(shard string) (children []string) {
	c.t.Helper()
	c.must(c.streams.Split(c.t.Context(), testStream, shard))
	return c.childrenOf(shard)
}

func (c *team) childrenOf(parent string) (children []string) {
	for _, s := range c.shards() {
		for _, p := range s.Parents {
			if p == parent {
				children = append(children, s.ID)
			}
		}
	}
	return children
}

// Every account's entries are delivered in order and once while shards are split and merged,
// whether the worker runs at that time or starts afterwards.
func TestParentsAreReadBeforeTheirChildren(t *testing.T) {
	for _, live := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := newTeam(t, 1)
			entries := archivetest.Bank(1, 20, 500)
			if live {
				c.start("a", nil)
				c.start("b", nil)
			}
			c.publish(entries[:100]...)
			pair := c.split("shardId-000000000000")
			c.publish(entries[100:200]...)
			left := c.split(pair[0])
			c.publish(entries[200:300]...)
			c.must(c.streams.Merge(t.Context(), testStream, left[1], pair[1]))
			c.publish(entries[300:400]...)
			merged := c.childrenOf(pair[1])
			c.must(c.streams.Merge(t.Context(), testStream, left[0], merged[0]))
			c.publish(entries[400:]...)
			if !live {
				c.start("a", nil)
				c.start("b", nil)
			}
			c.within(30*time.Second, "all read", c.delivered(len(entries)))
			c.tape.checkOnce(t, entries)
			time.Sleep(2 * testLease)
			ended := 0
			for _, l := range c.leases() {
				if l.ended() {
					ended++
				}
			}
			if ended != 6 {
				t.Errorf("%d shards marked as read to their end, want 6", ended)
			}
		})
	}
}

func TestRecreatedStreamIsReadFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		first := archivetest.Bank(1, 5, 50)
		var log strings.Builder
		c.start("a", func(config *Config) { config.Runtime.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		c.publish(first...)
		c.within(time.Second, "read", c.delivered(50))
		time.Sleep(2 * time.Second)
		c.must(c.streams.DeleteStream(t.Context(), testStream))
		time.Sleep(1500 * time.Millisecond)
		c.must(c.streams.CreateStream(t.Context(), testStream, 2))
		c.publish(first...)
		c.within(2*testLease, "read again", c.delivered(100))
		holes, err := Holes(t.Context(), c.table, testStream, "tape")
		c.must(err)
		if len(holes) != 2 {
			t.Errorf("%d holes for the 2 shards that were not read to their end", len(holes))
		}
		created, err := c.streams.Created(t.Context(), testStream)
		c.must(err)
		for _, p := range c.tape.plays()[50:] {
			if !p.created.Equal(created) {
				t.Fatalf("a record of the new stream was delivered as one of %v", p.created)
			}
		}
		c.halt("a")
		// that was somebody's wish, and is no error
		if n := strings.Count(log.String(), `level=WARN msg="a hole was recorded"`); n != 2 || strings.Contains(log.String(), `level=ERROR msg="a hole`) {
			t.Errorf("%d warnings of 2 shards:\n%s", n, log.String())
		}
	})
}

// The shard of the earlier stream had the same id, and was read to its end.
func TestEndedShardOfAnEarlierStreamHidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		c.start("a", nil)
		c.split("shardId-000000000000")
		c.within(2*testLease, "ended", func() bool { return c.leases()["shardId-000000000000"].ended() })
		c.halt("a")
		c.must(c.streams.DeleteStream(t.Context(), testStream))
		time.Sleep(1500 * time.Millisecond)
		c.must(c.streams.CreateStream(t.Context(), testStream, 1))
		entries := archivetest.Bank(1, 5, 20)
		c.publish(entries...)
		c.start("b", nil)
		c.within(time.Second, "read", c.delivered(20))
		c.tape.checkOnce(t, entries)
	})
}

// heal returns a change of the team's workers that has them keep a ledger and heal holes from the
// journal.
func (c *team) heal(l *ledger) func(*Config) {
	return func(config *Config) {
		config.Open, config.Heal, config.Accounts = l.open, l.heal, c.journal.Accounts
	}
}

func TestTrimmedPositionIsAHoleAndIsHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 3)
		entries := archivetest.Bank(6, 40, 400)
		c.journal.commit(entries...)
		l := c.ledger()
		c.start("a", c.heal(l))
		c.publish(entries[:100]...)
		c.within(time.Second, "read", func() bool { return l.version(entries[0].Account()) > 0 })
		time.Sleep(2 * time.Second)
		c.halt("a")
		c.publish(entries[100:300]...)
		c.trimAll()
		c.publish(entries[300:400]...)
		c.start("b", c.heal(l))
		c.within(2*testLease, "healed", func() bool { return c.foundHoles() == 3 && c.openHoles() == 0 })
		l.check()
		holes, err := Holes(t.Context(), c.table, testStream, "tape")
		c.must(err)
		swept := int64(0)
		for _, h := range holes {
			swept += h.Accounts
			if h.After == "" || h.Cause == "" {
				t.Errorf("hole %+v", h)
			}
		}
		if swept != 40 {
			t.Errorf("%d accounts were compared, want each of the 40 once", swept)
		}
		c.halt("b")
		c.start("d", c.heal(l))
		time.Sleep(testLease)
		if n := c.foundHoles(); n != 3 {
			t.Errorf("%d holes after another start, the 3 were found before", n)
		}
	})
}

// trimAll trims every record of the stream.
func (c *team) trimAll() {
	c.t.Helper()
	ctx := c.t.Context()
	for _, s := range c.shards() {
		last := ""
		iterator, err := c.streams.Iterator(ctx, testStream, s.ID, stream.Position{})
		c.must(err)
		for {
			got, err := c.streams.Get(ctx, iterator, stream.MaxGetRecords)
			c.must(err)
			if len(got.Records) == 0 {
				break
			}
			last, iterator = got.Records[len(got.Records)-1].Sequence, got.Next
		}
		n, ok := new(big.Int).SetString(last, 10)
		if !ok {
			c.t.Fatalf("sequence %q", last)
		}
		c.must(c.streams.Trim(ctx, testStream, s.ID, n.Add(n, big.NewInt(1)).String()))
	}
}

func (c *team) foundHoles() int {
	holes, err := Holes(c.t.Context(), c.table, testStream, "tape")
	c.must(err)
	return len(holes)
}

func (c *team) openHoles() (open int) {
	holes, err := Holes(c.t.Context(), c.table, testStream, "tape")
	c.must(err)
	for _, h := range holes {
		if h.HealedAt.IsZero() {
			open++
		}
	}
	return open
}

// The worker that found a hole dies before it could heal it. Another one does.
func TestHoleOfADeadWorkerIsHealedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(6, 4, 40)
		c.journal.commit(entries...)
		l := c.ledger()
		c.start("a", c.heal(l))
		c.publish(entries[:20]...)
		time.Sleep(2 * time.Second)
		c.halt("a")
		c.publish(entries[20:]...)
		c.trimAll()
		c.start("b", func(config *Config) {
			c.heal(l)(config)
			config.Heal = func(context.Context, event.Account) error { return errCut }
		})
		c.within(time.Second, "b has it", func() bool { return c.owned()["b"] == 1 })
		c.start("d", c.heal(l))
		time.Sleep(3 * testLease)
		if c.foundHoles() != 1 || c.openHoles() != 1 {
			t.Errorf("%d holes, %d open: the worker that found it is alive and has not healed it", c.foundHoles(), c.openHoles())
		}
		c.halt("b")
		c.within(3*testLease, "healed", func() bool { return c.openHoles() == 0 })
		l.check()
	})
}

// A loss after a position is recorded once, and the position is given up.
func TestTrimmedPositionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(6, 4, 40)
		c.start("a", nil)
		c.publish(entries[:20]...)
		c.within(time.Second, "read", c.delivered(20))
		time.Sleep(2 * time.Second)
		c.halt("a")
		c.publish(entries[20:]...)
		c.trimAll()
		c.start("b", nil)
		time.Sleep(2 * time.Second)
		if l := c.leases()["shardId-000000000000"]; l.checkpoint != "" || c.foundHoles() != 1 {
			t.Errorf("checkpoint %q, %d holes", l.checkpoint, c.foundHoles())
		}
	})
}

// The consumer did not run during a shard's whole life: the shard is gone, unread, and its children
// are read.
func TestVanishedShardIsAHoleAndItsChildrenAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(7, 10, 200)
		c.journal.commit(entries...)
		l := c.ledger()
		c.start("a", c.heal(l))
		c.publish(entries[:50]...)
		time.Sleep(2 * time.Second)
		c.halt("a")
		c.publish(entries[50:100]...)
		c.split("shardId-000000000000")
		time.Sleep(30 * time.Hour) // longer than the retention
		c.publish(entries[100:]...)
		if n := len(c.shards()); n != 2 {
			t.Fatalf("%d shards are listed", n)
		}
		c.start("b", c.heal(l))
		c.within(2*testLease, "healed", func() bool { return c.foundHoles() == 1 && c.openHoles() == 0 })
		c.within(testLease, "children read", func() bool { return l.version(entries[199].Account()) >= entries[199].Last })
		l.check()
	})
}

// A worker that has known a shard for longer than the retention, and never read it, cannot know
// what it missed.
func TestShardNotBegunWithinTheRetentionIsAHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		c.start("a", nil)
		time.Sleep(time.Second)
		c.halt("a")
		c.publish(archivetest.Bank(3, 2, 10)...)
		time.Sleep(30 * time.Hour) // longer than the retention
		c.start("b", nil)
		time.Sleep(time.Second)
		if n := c.foundHoles(); n != 1 {
			t.Errorf("%d holes", n)
		}
		if n := c.openHoles(); n != 1 {
			t.Errorf("%d open holes: no worker could heal it", n)
		}
	})
}

// A shard on which nothing ever arrived was read nevertheless, and its lease has until when.
func TestShardThatStaysEmptyIsNoHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		c.start("a", nil)
		time.Sleep(time.Minute)
		c.halt("a")
		l := c.leases()["shardId-000000000000"]
		if since := time.Since(l.begun); since > 2*time.Second {
			t.Errorf("known to be empty until %v ago", since)
		}
		if l.unreadTooLong(l.created, l.begun.Add(shortestRetention)) || !l.unreadTooLong(l.created, l.begun.Add(shortestRetention+1)) {
			t.Error("it can be a hole after the shortest retention, and not before")
		}
		time.Sleep(30 * time.Hour)
		c.start("b", nil)
		time.Sleep(time.Second)
		if n := c.foundHoles(); n != 0 {
			t.Errorf("%d holes on a shard that lost nothing", n)
		}
	})
}

func TestReaderSurvivesTheFailuresOfKinesis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		entries := archivetest.Bank(8, 20, 600)
		c.start("a", nil)
		c.streams.Fail(faults.Chances{Seed: 7, Throttle: 20, Expire: 20, Empty: 20})
		for i := 0; i < len(entries); i += 20 {
			c.publish(entries[i : i+20]...)
			time.Sleep(50 * time.Millisecond)
		}
		c.within(time.Minute, "all read", c.delivered(len(entries)))
		c.tape.checkOnce(t, entries)
		if f := c.streams.Fired(); f.Throttle == 0 || f.Expire == 0 || f.Empty == 0 {
			t.Errorf("faults fired %+v", f)
		}
		if n := len(c.tape.openings()); n != 2 {
			t.Errorf("%d handlers were opened: a refused read is no reason to open another", n)
		}
	})
}

// mute is a stream that is no Notifier. It counts the reads.
type mute struct {
	stream.Stream
	mu   sync.Mutex
	gets int
}

func (m *mute) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	m.mu.Lock()
	m.gets++
	m.mu.Unlock()
	return m.Stream.Get(ctx, iterator, limit)
}

func (m *mute) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gets
}

func TestStreamThatIsNoNotifierIsPolledEvery800Milliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		m := &mute{Stream: c.streams}
		c.reads = m
		c.start("a", nil)
		entries := archivetest.Bank(9, 5, 100)
		for _, e := range entries {
			c.publish(e)
			time.Sleep(100 * time.Millisecond)
		}
		c.within(time.Second, "all read", c.delivered(100))
		if n := m.count(); n < 12 || n > 15 {
			t.Errorf("%d reads in 10 seconds, want one each 800 ms", n)
		}
	})
}

func TestHandlerOfAnIdleShardIsCalledEverySecond(t *testing.T) {
	for name, notified := range map[string]bool{"woken": true, "polling": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTeam(t, 1)
				if !notified {
					c.reads = &mute{Stream: c.streams}
				}
				c.start("a", nil)
				time.Sleep(20 * time.Second)
				c.halt("a")
				if n := c.tape.idle["shardId-000000000000"]; n < 20 || n > 40 {
					t.Errorf("%d idle calls in 20 seconds", n)
				}
			})
		})
	}
}

func TestLaggingHandlerFinishesAnEndedShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		c.tape.lag = 5
		entries := archivetest.Bank(10, 5, 40)
		c.start("a", nil)
		c.publish(entries[:20]...)
		c.split("shardId-000000000000")
		c.publish(entries[20:]...)
		c.within(5*time.Second, "all read", c.delivered(40))
		c.tape.checkOnce(t, entries)
		time.Sleep(time.Second)
		if l := c.leases()["shardId-000000000000"]; !l.ended() || l.owner != "" {
			t.Errorf("lease of the ended shard %+v", l)
		}
	})
}

// A handler that has not processed everything although nothing can follow is broken: the shard is
// not marked as read to its end.
func TestShardDoesNotEndBeforeItsHandlerHasProcessedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		var mu sync.Mutex
		keeps := true
		c.start("a", func(config *Config) {
			config.Open = func(context.Context, Shard, string) (Handler, error) {
				return handlerFunc(func(b Batch) string {
					mu.Lock()
					defer mu.Unlock()
					if n := len(b.Deliveries); n > 0 && !keeps {
						return b.Deliveries[n-1].Sequence
					}
					return ""
				}), nil
			}
		})
		c.split("shardId-000000000000")
		c.publish(archivetest.Bank(1, 5, 20)...)
		time.Sleep(time.Minute)
		children := c.childrenOf("shardId-000000000000")
		c.must(c.streams.Merge(t.Context(), testStream, children[0], children[1]))
		time.Sleep(time.Minute)
		ended := func() (n int) {
			for _, id := range children {
				if c.leases()[id].ended() {
					n++
				}
			}
			return n
		}
		if n := ended(); n != 0 {
			t.Errorf("%d shards ended", n)
		}
		mu.Lock()
		keeps = false
		mu.Unlock()
		c.within(testLease, "both ended", func() bool { return ended() == 2 })
	})
}

func TestConsumersOfAProcessDecodeARecordOnce(t *testing.T) {
	d := NewDecoder(0)
	shard := Shard{Stream: testStream, ID: "s"}
	var records []stream.Delivered
	for i, e := range archivetest.Bank(1, 10, 100) {
		records = append(records, stream.Delivered{Record: record(t, e), Sequence: fmt.Sprint(i)})
	}
	decode := func(s Shard, records []stream.Delivered) []Delivery {
		deliveries, err := d.Decode(t.Context(), s, records, nil)
		if err != nil {
			t.Fatal(err)
		}
		return deliveries
	}
	// Another reader is decoding one of the records, and nobody waits for it.
	slot := d.newest.Slots(shardName(shard), records[7:8])[0]
	if !slot.Begin() {
		t.Fatal("the slot of a new record is taken")
	}
	first := decode(shard, records)
	slot.End(first[7].Entry)
	again := decode(shard, records)
	for i := range records {
		if again[i].Entry == nil || again[i].Entry != first[i].Entry {
			t.Fatalf("record %d was decoded again", i)
		}
	}
	other := shard
	other.ID = "t"
	if decode(other, records[:1])[0].Entry == again[0].Entry {
		t.Error("an entry of another shard was returned")
	}
	misplaced := records[0]
	misplaced.PartitionKey = "main#A-9"
	if got := decode(Shard{ID: "u"}, []stream.Delivered{misplaced}); got[0].Entry != nil || got[0].Err == nil {
		t.Errorf("an entry under another account's key: %+v", got[0])
	}
}
