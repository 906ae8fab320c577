package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/journal"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// distant is a table whose reads and puts of a row take a while, and which may be out of reach.
type distant struct {
	table.Table
	get, put time.Duration
	cut      atomic.Bool
}

var errCut = errors.New("out of reach")

func (d *distant) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	time.Sleep(d.get)
	return d.Table.Get(ctx, name, key, consistent)
}

func (d *distant) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if d.cut.Load() {
		return table.Page{}, errCut
	}
	return d.Table.Query(ctx, q)
}

func (d *distant) Put(ctx context.Context, p table.Put) error {
	if d.cut.Load() {
		return errCut
	}
	time.Sleep(d.put)
	return d.Table.Put(ctx, p)
}

func (d *distant) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, d.Put)
}

// A tail that takes longer than a lease to publish stays with the drainer that began, also when
// another one is there.
func TestLongTailIsPublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const entries = 1000
		r := newRig(t)
		dead := r.start(t, false)
		for i := range entries {
			dead.commit(t, accountNamed(i%50), fmt.Sprint(i))
		}
		dead.stop()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 3 {
			p := r.start(t, true)
			far := &distant{Table: r.table, get: 400 * time.Millisecond} // 16 at once: 25 s
			d := NewDrainer(DrainConfig{Table: far, Publisher: p.publisher, Self: p.journal.Writer, Lease: 10 * time.Second})
			d.passes = fewPasses
			running.Go(func() { _ = d.Run(ctx) })
		}
		defer running.Wait()
		defer cancel()
		time.Sleep(10 * time.Minute)
		firsts, records := r.published(t)
		if records != entries {
			t.Errorf("%d records of %d entries", records, entries)
		}
		for a := range 50 {
			inOrder(t, firsts[accountNamed(a).ID], entries/50)
		}
		if got := r.writers(t); len(got) != 3 {
			t.Errorf("writers %v", got)
		}
	})
}

// A drainer that could not read the writers for longer than a lease knows nothing of their
// heartbeats.
func TestBlindDrainerTakesNobodyForDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p := r.start(t, true)
		far := &distant{Table: r.table}
		d := NewDrainer(DrainConfig{Table: far, Publisher: p.publisher, Self: p.journal.Writer, Lease: 10 * time.Second})
		other := &process{publisher: New(Config{Streams: r.streams, Stream: events})}
		var err error
		beats := &distant{Table: r.table}
		if other.journal, err = journal.Open(t.Context(), journal.Config{Table: beats, Outbox: other.publisher}); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.journal.Close(context.Background()) }()
		id := other.journal.Writer()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = d.Run(ctx) })
		defer running.Wait()
		defer cancel()
		time.Sleep(2700 * time.Millisecond) // after a look that has seen the last heartbeat
		beats.cut.Store(true)
		far.cut.Store(true)
		time.Sleep(15 * time.Second)
		far.cut.Store(false) // the drainer is back first
		time.Sleep(3 * time.Second)
		beats.cut.Store(false)
		time.Sleep(20 * time.Second)
		if now := other.journal.Writer(); now != id {
			t.Errorf("a writer that lived was taken over, and took a new id")
		}
	})
}

// A process that the stream lets no more, refused or cut off, leaves a dead writer to one that it
// does.
func TestTailIsLeftToWhoCanPublish(t *testing.T) {
	for name, cause := range map[string]error{"refused": stream.ErrRefused, "cut off": errCut} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				dead := r.start(t, false)
				for i := range 10 {
					dead.commit(t, accountNamed(i), "k")
				}
				dead.stop()
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				defer running.Wait()
				defer cancel()
				drain := func(streams stream.Stream) {
					p := &process{publisher: New(Config{Streams: streams, Stream: events})}
					var err error
					if p.journal, err = journal.Open(ctx, journal.Config{Table: r.table, Outbox: p.publisher}); err != nil {
						t.Fatal(err)
					}
					p.publisher.SetAcked(p.journal.Acked)
					d := NewDrainer(DrainConfig{Table: r.table, Publisher: p.publisher, Self: p.journal.Writer, Lease: 10 * time.Second})
					running.Go(func() { _ = p.publisher.Run(ctx) })
					running.Go(func() { _ = d.Run(ctx) })
					running.Go(func() { <-ctx.Done(); _ = p.journal.Close(context.WithoutCancel(ctx)) })
				}
				m := &moody{}
				m.say(cause)
				drain(m)
				time.Sleep(5 * time.Second) // the one that cannot publish is first
				drain(r.streams)
				time.Sleep(2 * time.Minute)
				if _, records := r.published(t); records != 10 {
					t.Errorf("%d records of 10", records)
				}
			})
		})
	}
}
