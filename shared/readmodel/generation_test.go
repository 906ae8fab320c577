package readmodel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// messagingModel returns testModel with a message at every tenth version.
func messagingModel() Model[account.State] {
	m := testModel
	m.Crossings = func(before, _ account.State, version int64) (crossings []string) {
		for v := before.Version + 1; v <= version; v++ {
			if v%10 == 0 {
				crossings = append(crossings, fmt.Sprint(v))
			}
		}
		return crossings
	}
	m.Message = func(a event.Account, crossing string) ([]byte, error) {
		return json.Marshal(a.String() + ":" + crossing)
	}
	return m
}

// messages counts the messages on the outbox, by content.
func (b *bank) messages() map[string]int {
	b.t.Helper()
	ctx := b.t.Context()
	shards, err := b.streams.Shards(ctx, testOutbox)
	b.must(err)
	counts := map[string]int{}
	for _, s := range shards {
		iterator, err := b.streams.Iterator(ctx, testOutbox, s.ID, stream.Position{})
		b.must(err)
		for {
			got, err := b.streams.Get(ctx, iterator, stream.MaxGetRecords)
			b.must(err)
			if len(got.Records) == 0 {
				break
			}
			for _, r := range got.Records {
				counts[string(r.Data)]++
			}
			iterator = got.Next
		}
	}
	return counts
}

// wanted returns the messages that the journal's events cause.
func (b *bank) wanted() map[string]bool {
	wanted := map[string]bool{}
	for _, a := range b.journal.order {
		for v := int64(10); v <= foldAll(b.t, b.journal.of(a)).Version; v += 10 {
			wanted[fmt.Sprintf("%q", a.String()+":"+fmt.Sprint(v))] = true
		}
	}
	return wanted
}

func (b *bank) checkMessages(once bool) {
	b.t.Helper()
	got, want := b.messages(), b.wanted()
	for m := range want {
		if got[m] == 0 || once && got[m] != 1 {
			b.t.Errorf("message %s was sent %d times", m, got[m])
		}
	}
	if len(got) != len(want) {
		b.t.Errorf("%d messages, want %d", len(got), len(want))
	}
}

// A rebuild during live traffic: the candidate is silent and is promoted, no reader sees a version
// go back, every message is sent, and the old generation can be discarded only when that loses
// nothing.
func TestGenerationIsRebuiltPromotedAndDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 2)
		m := messagingModel()
		rows := c.project(m, c.table)
		entries := archivetest.Bank(1, 10, 1000)
		ctx := t.Context()
		reading, stop := context.WithCancel(ctx)
		read := make(chan struct{})
		go func() {
			defer close(read)
			seen := map[event.Account]int64{}
			for backoff.Sleep(reading, 20*time.Millisecond) == nil {
				for i := range 10 {
					a := event.Account{Tenant: "main", ID: fmt.Sprintf("A-%d", i)}
					row, err := rows.Get(ctx, a)
					if errors.Is(err, ErrNoRow) {
						continue
					}
					if err != nil || row.Version < seen[a] {
						t.Errorf("%s went from v%d to v%d, %v", a, seen[a], row.Version, err)
					}
					seen[a] = row.Version
				}
			}
		}()
		entries, more := entries[:800], entries[800:]
		for i, e := range entries {
			c.journal.commit(e)
			c.publish(e)
			time.Sleep(10 * time.Millisecond)
			switch i {
			case 300:
				n, err := StartCandidate(ctx, c.table, m.Name, nil)
				if err != nil || n != 2 {
					t.Fatalf("candidate %d, %v", n, err)
				}
			case 600:
				c.must(Promote(ctx, c.table, m.Name, 2))
			}
		}
		time.Sleep(time.Second)
		stop()
		<-read
		c.check(1)
		c.check(2)
		c.checkMessages(false)
		live, candidate, err := Generations(ctx, c.table, m.Name)
		if live != 2 || candidate != 0 || err != nil {
			t.Errorf("live %d, candidate %d, %v", live, candidate, err)
		}
		if _, err := StartCandidate(ctx, c.table, m.Name, nil); !errors.Is(err, ErrGeneration) {
			t.Errorf("a third generation: %v", err)
		}
		old := DiscardConfig{Table: c.table, Model: m.Name, Stream: testStream, Generation: 1, Lease: testLease}
		live1 := old
		live1.Generation = 2
		if err := Discard(ctx, live1); !errors.Is(err, ErrGeneration) {
			t.Errorf("discard of the live one: %v", err)
		}
		discarded := make(chan error)
		go func() {
			err := Discard(ctx, old)
			for errors.Is(err, ErrNotCaughtUp) { // by an entry in flight
				err = Discard(ctx, old)
			}
			discarded <- err
		}()
		for _, e := range more { // traffic continues
			c.journal.commit(e)
			c.publish(e)
			time.Sleep(20 * time.Millisecond)
		}
		c.must(<-discarded)
		time.Sleep(time.Second)
		c.checkGone(1)
		c.check(2)
		c.checkMessages(false)
		n, err := StartCandidate(ctx, c.table, m.Name, nil)
		if err != nil || n != 3 {
			t.Errorf("the next candidate is %d, %v", n, err)
		}
	})
}

// checkGone fails the test unless nothing of a generation is left.
func (c *team) checkGone(generation int64) {
	c.t.Helper()
	for _, a := range c.journal.order {
		if row := c.row(generation, a); row.rev != 0 {
			c.t.Errorf("a row of %s is still there", a)
		}
	}
	leases, err := consumer.Status(c.t.Context(), c.table, testStream, Name(testModel.Name, generation))
	c.must(err)
	if len(leases) != 0 {
		c.t.Errorf("leases are still there: %v", leases)
	}
}

func TestCandidateSendsNothingAndTheLiveGenerationEachMessageOnce(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(2, 5, 300)
	b.journal.commit(entries...)
	m := messagingModel()
	_, err := StartCandidate(t.Context(), b.table, m.Name, nil)
	b.must(err)
	open := func(generation int64) *Projection[account.State] {
		p, err := NewProjector(Config[account.State]{
			Runtime: consumer.Runtime{Log: quietLog}, Rows: NewRows(b.table, m, 0), Journal: b.journal,
			Outbox: Outbox{Streams: b.streams, Stream: testOutbox},
		}).Projection(t.Context(), generation)
		b.must(err)
		return p
	}
	b.handle(open(2), deliveries(t, entries...))
	if n := len(b.messages()); n != 0 {
		t.Errorf("a candidate sent %d messages", n)
	}
	live := open(1)
	b.handle(live, deliveries(t, entries...))
	b.handle(live, deliveries(t, entries...))
	b.checkMessages(true)
	for _, a := range b.journal.order {
		last := b.row(2, a).Version / 10 * 10
		if quiet, pending := b.row(2, a).Quiet, b.row(1, a).Pending; quiet < last || len(pending) != 0 {
			t.Errorf("%s: quiet up to v%d, pending %v", a, quiet, pending)
		}
	}
}

// The row is written, and its messages are not sent. The next projection that reads a record of the
// account sends them.
func TestMessageSurvivesACrashBeforeItIsSent(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(3, 1, 30)
	b.journal.commit(entries...)
	m := messagingModel()
	crashing := b.projection(m, 1)
	crashing.outbox.Stream = "no-such-stream"
	h, err := crashing.Open(t.Context(), consumer.Shard{}, "")
	b.must(err)
	defer func() { b.must(h.Close()) }()
	if _, err := h.Handle(t.Context(), consumer.Batch{Deliveries: deliveries(t, entries...)}); !errors.Is(err, stream.ErrNotFound) {
		t.Fatalf("handle: %v", err)
	}
	row := b.row(1, entries[0].Account())
	if row.Version != entries[29].Last || len(row.Pending) == 0 || len(b.messages()) != 0 {
		t.Fatalf("row at v%d, pending %v", row.Version, row.Pending)
	}
	b.handle(b.projection(m, 1), deliveries(t, entries[29]))
	b.checkMessages(true)
	if row := b.row(1, entries[0].Account()); len(row.Pending) != 0 {
		t.Errorf("still pending %v", row.Pending)
	}
}

func TestPreviousIsNotDiscardedWhileSomethingWouldBeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries := archivetest.Bank(4, 1, 40)
		a := entries[0].Account()
		m := messagingModel()
		single := func(e *event.Entry) bool { return e.First > 1 && e.First == e.Last }
		one := slices.IndexFunc(entries, single)
		ten := slices.IndexFunc(entries, func(e *event.Entry) bool { return single(e) && e.Last%10 == 0 })
		for name, prepare := range map[string]func(b *bank, old, live *Projection[account.State]){
			"the live one is behind": func(b *bank, old, live *Projection[account.State]) {
				b.handle(old, deliveries(t, entries...))
				b.handle(live, deliveries(t, entries[:30]...))
			},
			"the live one lacks the newest event": func(b *bank, old, live *Projection[account.State]) {
				b.handle(old, deliveries(t, entries[:one+1]...))
				b.handle(live, deliveries(t, entries[:one]...))
			},
			"the message of the newest event was sent by no generation": func(b *bank, old, live *Projection[account.State]) {
				b.handle(old, deliveries(t, entries[:ten]...))
				live.silent = func() bool { return true }
				b.handle(live, deliveries(t, entries[:ten+1]...))
			},
			"a message waits to be sent": func(b *bank, old, live *Projection[account.State]) {
				old.outbox.Stream = "no-such-stream"
				h, err := old.Open(t.Context(), consumer.Shard{}, "")
				b.must(err)
				defer func() { b.must(h.Close()) }()
				if _, err := h.Handle(t.Context(), consumer.Batch{Deliveries: deliveries(t, entries...)}); err == nil {
					t.Error("sent to a stream that does not exist")
				}
				b.handle(live, deliveries(t, entries...))
			},
			"a message was sent by no generation": func(b *bank, old, live *Projection[account.State]) {
				b.handle(old, deliveries(t, entries[:5]...))
				live.silent = func() bool { return true }
				b.handle(live, deliveries(t, entries...))
			},
		} {
			b := newBank(t, 1)
			b.journal.commit(entries...)
			_, err := StartCandidate(t.Context(), b.table, m.Name, nil)
			b.must(err)
			b.must(Promote(t.Context(), b.table, m.Name, 2))
			prepare(b, b.projection(m, 1), b.projection(m, 2))
			d := DiscardConfig{Table: b.table, Model: m.Name, Stream: testStream, Generation: 1, Lease: testLease}
			if err := Discard(t.Context(), d); !errors.Is(err, ErrNotCaughtUp) {
				t.Errorf("%s: discarded with %v", name, err)
			}
			if g, err := LoadGenerations(t.Context(), b.table, m.Name); g.Previous != 1 || g.Discarding != 0 || err != nil {
				t.Errorf("%s: %+v, %v: its workers must continue", name, g, err)
			}
			d.Force = true
			b.must(Discard(t.Context(), d))
			if b.row(1, a).rev != 0 {
				t.Errorf("%s: a row is still there", name)
			}
		}
	})
}

// A live worker would write the rows again that a discard deletes.
func TestDiscardWaitsForTheWorkersOfTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		entries := archivetest.Bank(1, 3, 30)
		c.journal.commit(entries...)
		_, err := StartCandidate(t.Context(), c.table, testModel.Name, nil)
		c.must(err)
		p := c.projection(testModel, 2)
		c.start("deaf", func(config *consumer.Config) { config.Name, config.Open = "balance@2", p.Open })
		c.publish(entries...)
		c.within(time.Second, "projected", func() bool { return c.row(2, entries[0].Account()).Version > 0 })
		d := DiscardConfig{Table: c.table, Model: testModel.Name, Stream: testStream, Generation: 2, Lease: testLease}
		ctx, cancel := context.WithTimeout(t.Context(), 5*testLease)
		defer cancel()
		if err := Discard(ctx, d); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("discarded with %v", err)
		}
		c.check(2)
		c.halt("deaf")
		c.must(Discard(t.Context(), d))
		c.checkGone(2)
	})
}

func TestGoingBackIsOneChange(t *testing.T) {
	b := newBank(t, 1)
	ctx := t.Context()
	if err := Promote(ctx, b.table, "m", 2); !errors.Is(err, ErrGeneration) {
		t.Errorf("promote of nothing: %v", err)
	}
	for range 2 {
		if n, err := StartCandidate(ctx, b.table, "m", nil); n != 2 || err != nil {
			t.Errorf("candidate %d, %v", n, err)
		}
	}
	for _, live := range []int64{2, 2, 1, 2} {
		b.must(Promote(ctx, b.table, "m", live))
		if g, err := LoadGenerations(ctx, b.table, "m"); g.Live != live || g.Previous != 3-live || g.Candidate != 0 || err != nil {
			t.Errorf("%+v, %v", g, err)
		}
	}
}

// After a promotion a reader waits until the new row is at the version of the old one, and gets an
// error when that takes too long.
func TestReaderWaitsForThePromotedRowToReachTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1)
		entries := archivetest.Bank(5, 1, 20)
		a := entries[0].Account()
		b.handle(b.projection(testModel, 1), deliveries(t, entries...))
		b.handle(b.projection(testModel, 2), deliveries(t, entries[:10]...))
		_, err := StartCandidate(t.Context(), b.table, testModel.Name, nil)
		b.must(err)
		rows := NewRows[account.State](b.table, testModel, 0)
		if row, err := rows.Get(t.Context(), a); err != nil || row.Version != entries[19].Last {
			t.Fatalf("v%d, %v", row.Version, err)
		}
		b.must(Promote(t.Context(), b.table, testModel.Name, 2))
		time.Sleep(time.Second)
		var behind *BehindError
		if _, err := rows.Get(t.Context(), a); !errors.As(err, &behind) || behind.Version != entries[9].Last || behind.Wanted != entries[19].Last {
			t.Errorf("error %v", err)
		}
		if row, err := rows.Wait(t.Context(), a, 1, time.Second); !errors.Is(err, ErrBehind) {
			t.Errorf("a reader that asked for v1 got v%d, %v", row.Version, err)
		}
		go func() {
			time.Sleep(500 * time.Millisecond)
			b.handle(b.projection(testModel, 2), deliveries(t, entries...))
		}()
		if row, err := rows.Get(t.Context(), a); err != nil || row.Version != entries[19].Last {
			t.Errorf("v%d, %v", row.Version, err)
		}
	})
}

// On a busy account the previous generation is always a little ahead. A reader waits for the
// version that it had when the read began.
func TestReaderIsNotDelayedByABusyAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t, 1)
		entries := archivetest.Bank(5, 1, 400)
		old, live := b.projection(testModel, 1), b.projection(testModel, 2)
		_, err := StartCandidate(t.Context(), b.table, testModel.Name, nil)
		b.must(err)
		b.must(Promote(t.Context(), b.table, testModel.Name, 2))
		b.handle(old, deliveries(t, entries[:10]...))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range entries[10:] {
				b.handle(old, deliveries(t, entries[10+i]))
				time.Sleep(10 * time.Millisecond)
				b.handle(live, deliveries(t, entries[i]))
			}
		}()
		rows := NewRows(b.table, testModel, 0)
		for range 5 {
			began := time.Now()
			if row, err := rows.Get(t.Context(), entries[0].Account()); err != nil || time.Since(began) > 500*time.Millisecond {
				t.Errorf("v%d after %v, %v", row.Version, time.Since(began), err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		<-done
	})
}

// Two processes learn of a promotion at different times, and the previous generation lags. A reader
// of one and then the other never sees a version go back, neither on the way there nor on the way
// back.
func TestNoVersionGoesBackBetweenProcesses(t *testing.T) {
	for offset := range 10 {
		synctest.Test(t, func(t *testing.T) {
			b := newBank(t, 1)
			entries := archivetest.Bank(5, 1, 30)
			a := entries[0].Account()
			project := func(generation int64, upTo int) {
				b.handle(b.projection(testModel, generation), deliveries(t, entries[:upTo]...))
			}
			project(1, 10)
			project(2, 20)
			_, err := StartCandidate(t.Context(), b.table, testModel.Name, nil)
			b.must(err)
			returned := map[string]int{}
			processes := readAcross(b, a, returned)
			time.Sleep(time.Second + time.Duration(offset)*50*time.Millisecond)
			b.must(Promote(t.Context(), b.table, testModel.Name, 2))
			time.Sleep(time.Second)
			project(1, 20)
			time.Sleep(time.Second)
			project(1, 30)
			b.must(Promote(t.Context(), b.table, testModel.Name, 1))
			time.Sleep(time.Second)
			project(2, 30)
			time.Sleep(time.Second)
			processes.stop()
			for _, v := range []int{9, 19, 29} {
				if n := returned[fmt.Sprint(entries[v].Last)]; n < 10 {
					t.Errorf("v%d was returned %d times: %v", entries[v].Last, n, returned)
				}
			}
			g, err := LoadGenerations(t.Context(), b.table, testModel.Name)
			if g.Live != 1 || g.Previous != 2 || g.Candidate != 0 || g.Promoting != 0 || err != nil {
				t.Errorf("%+v, %v", g, err)
			}
		})
	}
}

// across reads an account's row in two processes, and fails the test if a read returns an older
// version than one that had ended before it began.
type across struct {
	stopped chan struct{}
	readers sync.WaitGroup
}

func readAcross(b *bank, a event.Account, returned map[string]int) *across {
	x := &across{stopped: make(chan struct{})}
	var mu sync.Mutex
	newest := int64(0)
	for i := range 2 {
		x.readers.Go(func() {
			// so that they learn of changes at different times
			time.Sleep(time.Duration(i) * generationRefresh / 2)
			rows := NewRows(b.table, testModel, 0)
			for {
				select {
				case <-x.stopped:
					return
				case <-time.After(13 * time.Millisecond):
				}
				mu.Lock()
				least := newest
				mu.Unlock()
				row, err := rows.Get(b.t.Context(), a)
				if errors.Is(err, ErrBehind) {
					continue
				}
				mu.Lock()
				if err != nil || row.Version < least {
					b.t.Errorf("process %d returns v%d, %v; v%d was returned before", i, row.Version, err, least)
				}
				newest = max(newest, row.Version)
				returned[fmt.Sprint(row.Version)]++
				mu.Unlock()
			}
		})
	}
	return x
}

func (x *across) stop() {
	close(x.stopped)
	x.readers.Wait()
}

func TestRowKeysAreRead(t *testing.T) {
	a := event.Account{Tenant: "main", ID: "A-1"}
	if g, b, ok := ParseRowKey(RowKey(12, a).PK); !ok || g != 12 || b != a {
		t.Errorf("%d %v %v", g, b, ok)
	}
	for _, pk := range []string{"", "g1", "1#main#A", "g0#main#A", "gx#main#A", "g1#main", "g1##A", "g1#main#A#b"} {
		if _, _, ok := ParseRowKey(pk); ok {
			t.Errorf("%q was read", pk)
		}
	}
}
