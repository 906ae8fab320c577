package publisher

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/journal"
	"passbook/shared/stream"
)

// narrow is a stream that takes so many records more, and then none.
type narrow struct {
	stream.Stream
	left atomic.Int64
}

func (n *narrow) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
	time.Sleep(10 * time.Millisecond)
	results := make([]stream.PutResult, len(records))
	for i, r := range records {
		if n.left.Add(-1) < 0 {
			results[i].Err = errCut
			continue
		}
		taken, err := n.Stream.Put(ctx, name, []stream.Record{r})
		if err != nil {
			return nil, err
		}
		results[i] = taken[0]
	}
	return results, nil
}

// drainer starts a process that drains through streams, until the function that it gives is called.
func (r *rig) drainer(t *testing.T, streams stream.Stream) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	p := &process{publisher: New(Config{Streams: streams, Stream: events})}
	var err error
	if p.journal, err = journal.Open(ctx, journal.Config{Table: r.table, Outbox: p.publisher}); err != nil {
		t.Fatal(err)
	}
	p.publisher.SetAcked(p.journal.Acked)
	d := NewDrainer(DrainConfig{Table: r.table, Publisher: p.publisher, Self: p.journal.Writer, Lease: 10 * time.Second})
	d.passes = fewPasses
	running.Go(func() { _ = p.publisher.Run(ctx) })
	running.Go(func() { _ = d.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		_ = p.journal.Close(context.WithoutCancel(ctx))
	})
	t.Cleanup(stop)
	return stop
}

// deadWriter leaves so many entries, each of another account.
func (r *rig) deadWriter(t *testing.T, entries int) {
	t.Helper()
	dead := r.start(t, false)
	for i := range entries {
		dead.commit(t, accountNamed(i), fmt.Sprint(i))
	}
	dead.stop()
}

// The next drainer continues where the last one stopped: the stream took a part of the tail, or it
// was drained half way.
func TestTailIsDrainedFromWhereTheLastOneCameTo(t *testing.T) {
	for _, drained := range []bool{false, true} {
		t.Run(fmt.Sprint("drained ", drained), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const entries, taken = 60, 25
				r := newRig(t)
				r.deadWriter(t, entries)
				half := &narrow{Stream: r.streams}
				half.left.Store(taken)
				stop := r.drainer(t, half)
				time.Sleep(12 * time.Second)
				if drained {
					stop()
				}
				r.drainer(t, r.streams)
				time.Sleep(10 * time.Minute)
				if firsts, records := r.published(t); records != entries || len(firsts) != entries {
					t.Errorf("%d records of %d entries; %d are on the stream", records, entries, len(firsts))
				}
				if got := r.writers(t); len(got) != 2 && !drained {
					t.Errorf("writers %v", got)
				}
			})
		})
	}
}

// The stream takes nothing for two minutes, while three processes take the tail over from one
// another: each leaves nothing of it behind in its queue, and it is published once.
func TestTailThatNobodyCouldPublishIsPublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const entries = 40
		r := newRig(t)
		r.deadWriter(t, entries)
		stopped := &narrow{Stream: r.streams}
		for range 3 {
			r.drainer(t, stopped)
		}
		// Between two ticks of the drainers: what is in flight while a tail changes hands may well
		// be published twice.
		time.Sleep(2*time.Minute + time.Second)
		stopped.left.Store(1 << 40)
		time.Sleep(10 * time.Minute)
		if firsts, records := r.published(t); records != entries || len(firsts) != entries {
			t.Errorf("%d records of %d entries; %d are on the stream", records, entries, len(firsts))
		}
	})
}
