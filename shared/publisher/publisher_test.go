package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const events = "events"

// rig is a journal's table and a stream on one embedded engine in memory.
type rig struct {
	table   *faults.Table
	streams *faults.Stream
}

func newRig(t *testing.T) *rig {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{Shards: 2}, journal.Schemas...)
	r := &rig{table: store.Table, streams: store.Streams}
	if err := r.streams.CreateStream(t.Context(), events, 0); err != nil {
		t.Fatal(err)
	}
	return r
}

// process is a writer with its publisher, running until stopped. What stop leaves behind is what a
// crash leaves behind.
type process struct {
	journal   *journal.Journal
	publisher *Publisher
	stop      func()
}

func (r *rig) start(t *testing.T, publish bool) *process {
	t.Helper()
	p := &process{publisher: New(Config{Streams: r.streams, Stream: events})}
	var err error
	if p.journal, err = journal.Open(t.Context(), journal.Config{Table: r.table, Outbox: p.publisher}); err != nil {
		t.Fatal(err)
	}
	p.publisher.SetAcked(p.journal.Acked)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	if publish {
		running.Go(func() { _ = p.publisher.Run(ctx) })
	}
	p.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		closing, end := context.WithTimeout(context.Background(), 10*time.Second)
		defer end()
		_ = p.journal.Close(closing)
	})
	t.Cleanup(p.stop)
	return p
}

func (p *process) commit(t *testing.T, a event.Account, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := p.journal.Execute(ctx, journal.Command{
		Account: a, Key: key, Request: journal.RequestHash("x", a.ID, []byte(key)), Status: 201,
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			if s.Version == 0 {
				d.Open("EUR", event.AccountOpened{Exponent: 2})
			} else {
				d.Credit(event.MoneyCredited{Amount: 1, Kind: event.KindDeposit}, d.Today())
			}
			return d.Decision()
		},
	})
	if err != nil {
		t.Error(err)
	}
}

// published reads the whole stream: the first versions of each account's entries in the order of
// their first occurrence, and how many records there are.
func (r *rig) published(t *testing.T) (firsts map[string][]int64, records int) {
	t.Helper()
	firsts = make(map[string][]int64)
	seen := make(map[string]bool)
	shards, err := r.streams.Shards(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		it, err := r.streams.Iterator(t.Context(), events, shard.ID, stream.Position{Where: stream.TrimHorizon})
		if err != nil {
			t.Fatal(err)
		}
		for {
			b, err := r.streams.Get(t.Context(), it, 1000)
			if errors.Is(err, stream.ErrThrottled) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range b.Records {
				records++
				e, err := event.DecodeRecord(d.Data)
				if err != nil {
					t.Fatal(err)
				}
				if id := fmt.Sprint(e.AccountID, ":", e.First); !seen[id] {
					seen[id] = true
					firsts[e.AccountID] = append(firsts[e.AccountID], e.First)
				}
			}
			if it = b.Next; it == "" || len(b.Records) == 0 && b.Behind == 0 {
				break
			}
		}
	}
	return firsts, records
}

func inOrder(t *testing.T, firsts []int64, n int) {
	t.Helper()
	if len(firsts) != n {
		t.Fatalf("%d entries on the stream, want %d: %v", len(firsts), n, firsts)
	}
	for i, first := range firsts {
		if first != int64(i)+1 {
			t.Fatalf("first occurrences out of order: %v", firsts)
		}
	}
}

func accountNamed(i int) event.Account {
	return event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)}
}

func TestOrderPerAccountUnderEveryFaultOfTheStream(t *testing.T) {
	r := newRig(t)
	r.streams.Fail(faults.Chances{Seed: 7, Refuse: 10, Lose: 10, LoseCall: 20})
	p := r.start(t, true)
	const accounts, each = 20, 30
	var wg sync.WaitGroup
	for a := range accounts {
		wg.Go(func() {
			for i := range each {
				p.commit(t, accountNamed(a), fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.publisher.Drained(ctx); err != nil {
		t.Fatal(err)
	}
	fired := r.streams.Fired()
	if fired.Refuse == 0 || fired.Lose == 0 || fired.LoseCall == 0 {
		t.Fatalf("a fault never fired: %+v", fired)
	}
	r.streams.Fail(faults.Chances{})
	firsts, records := r.published(t)
	for a := range accounts {
		inOrder(t, firsts[accountNamed(a).ID], each)
	}
	if records <= accounts*each {
		t.Fatalf("%d records: lost answers make duplicates", records)
	}
}

func TestFullWhileTheStreamIsDown(t *testing.T) {
	p := New(Config{})
	for i := 0; !p.Full(); i++ {
		if i > maxWaiting {
			t.Fatal("never full")
		}
		p.Publish(journal.Committed{Account: accountNamed(i % 10)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Drained(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("drained: %v", err)
	}
}

// A process dies with entries committed and not published, and the index does not show all of them
// at first.
func TestTailOfADeadWriterIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		dead := r.start(t, false)
		for i := range 40 {
			dead.commit(t, accountNamed(i%4), fmt.Sprint(i))
		}
		replica := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...)
		if err := r.table.FreezeIndex(t.Context(), journal.Table, "writers", replica.Table); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			dead.commit(t, accountNamed(i%4), fmt.Sprint("late", i))
		}
		dead.stop()

		alive := r.start(t, true)
		ctx, cancel := context.WithCancel(t.Context())
		d := NewDrainer(DrainConfig{Table: r.table, Publisher: alive.publisher, Self: alive.journal.Writer, Lease: 10 * time.Second})
		d.passes = fewPasses
		var running sync.WaitGroup
		running.Go(func() { _ = d.Run(ctx) })
		defer running.Wait()
		defer cancel()

		time.Sleep(9 * time.Second)
		if _, records := r.published(t); records != 0 {
			t.Fatalf("%d records before the lease ran out", records)
		}
		time.Sleep(6 * time.Second)
		if _, records := r.published(t); records != 40 {
			t.Fatalf("%d records after the first pass", records)
		}
		time.Sleep(25 * time.Second)
		r.table.ThawIndex(journal.Table, "writers")
		time.Sleep(time.Minute)
		firsts, records := r.published(t)
		if records != 60 {
			t.Fatalf("%d records after the index caught up", records)
		}
		for a := range 4 {
			inOrder(t, firsts[accountNamed(a).ID], 15)
		}
		if got := r.writers(t); len(got) != 2 {
			t.Fatalf("writers %v", got)
		}
		time.Sleep(10 * time.Minute)
		if got := r.writers(t); len(got) != 1 || got[0] != alive.journal.Writer() {
			t.Fatalf("after the last pass writers are %v", got)
		}
	})
}

// fewPasses ends a drain within minutes of virtual time, through which the writers' heartbeats
// really go.
var fewPasses = []time.Duration{0, 10 * time.Second, time.Minute, 5 * time.Minute}

func (r *rig) writers(t *testing.T) (ids []string) {
	t.Helper()
	page, err := r.table.Query(t.Context(), tableQuery)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		ids = append(ids, row.SK)
	}
	return ids
}

// On one machine the directory's lock proves that the writer before is dead, and it is drained
// without waiting for a lease. A writer that was published to its end leaves nothing to drain.
func TestAloneDrainsAtOnceAndACleanStopLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		dead := r.start(t, false)
		dead.commit(t, accountNamed(1), "a")
		dead.stop()
		next := r.start(t, true)
		ctx, cancel := context.WithCancel(t.Context())
		d := NewDrainer(DrainConfig{Table: r.table, Publisher: next.publisher, Self: next.journal.Writer, Lease: 10 * time.Second, Exclusive: true})
		var running sync.WaitGroup
		running.Go(func() { _ = d.Run(ctx) })
		synctest.Wait()
		if _, records := r.published(t); records != 1 {
			t.Fatalf("%d records", records)
		}
		next.commit(t, accountNamed(1), "b")
		synctest.Wait()
		cancel()
		running.Wait()
		next.stop()
		if got := r.writers(t); len(got) != 1 {
			t.Fatalf("a clean stop left %v", got)
		}
	})
}

// Two drainers see the same dead writer: one drains it, and when that one stops, the other
// continues.
func TestOneDrainerAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		dead := r.start(t, false)
		dead.commit(t, accountNamed(1), "a")
		dead.stop()
		var stops []context.CancelFunc
		var running sync.WaitGroup
		for range 2 {
			p := r.start(t, true)
			ctx, cancel := context.WithCancel(t.Context())
			stops = append(stops, cancel)
			d := NewDrainer(DrainConfig{Table: r.table, Publisher: p.publisher, Self: p.journal.Writer, Lease: 10 * time.Second})
			d.passes = fewPasses
			running.Go(func() { _ = d.Run(ctx) })
		}
		defer running.Wait()
		defer stops[1]()
		defer stops[0]()
		time.Sleep(20 * time.Second)
		if _, records := r.published(t); records != 1 {
			t.Fatalf("%d records: two drained", records)
		}
		stops[0]()
		time.Sleep(10 * time.Minute)
		if got := r.writers(t); len(got) != 2 {
			t.Fatalf("nobody finished the drain: %v", got)
		}
	})
}

var tableQuery = table.Query{Table: control.Name, PK: control.Writers(nil).Partition(), Consistent: true}
