package tip

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/stream"
)

// Feeds begin while records arrive.
func TestFeedsBeginWhileRecordsArrive(t *testing.T) {
	life, end := context.WithCancel(t.Context())
	defer end()
	shard := consumer.Shard{Stream: events, ID: "s"}
	tips := &Tips{shards: map[string]*Tip{}, changed: make(chan struct{}), life: life, state: FanOut}
	tip := &Tip{tips: tips, changed: make(chan struct{}), live: true}
	tips.shards[shard.String()] = tip
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 10_000 {
			tip.add(stream.Batch{Records: []stream.Delivered{{Sequence: fmt.Sprint(1 + i)}}, Next: "1"}, "1", time.Now())
		}
	}()
	go func() {
		for life.Err() == nil {
			_, closed, _ := tips.Open(life, shard)
			closed()
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the tip and a feed that begins wait for each other")
	}
}

// broken has a fan-out whose subscriptions fail.
type broken struct {
	stream.Stream
	stream.Subscriber
	fails atomic.Int64 // how many calls of Subscribe fail
	ends  bool         // subscriptions end at once
	// unregistered is how many calls of Register fail, with why, and asked how many there were.
	unregistered, asked atomic.Int64
	why                 error
}

func (b *broken) Register(ctx context.Context, name, consumer string) error {
	b.asked.Add(1)
	if b.unregistered.Add(-1) >= 0 {
		return b.why
	}
	return b.Subscriber.Register(ctx, name, consumer)
}

func (b *broken) Subscribe(ctx context.Context, name, consumer, shard string, at stream.Position) (stream.Subscription, error) {
	if b.fails.Add(-1) >= 0 {
		return nil, errors.New("internal failure")
	}
	sub, err := b.Subscriber.Subscribe(ctx, name, consumer, shard, at)
	if b.ends && err == nil {
		return ending{sub}, nil
	}
	return sub, err
}

type ending struct{ stream.Subscription }

func (ending) Receive(context.Context) (stream.Batch, error) {
	return stream.Batch{}, stream.ErrExpiredIterator
}

// broken returns a process whose fan-out is b.
func (f *fleet) broken(name string, b *broken) *process {
	return f.process(name, func(p *process) {
		b.Stream, b.Subscriber = p.config.Streams, p.subscriber
		p.subscriber = b
	})
}

// A call that fails once does not end fan-out.
func TestFanOutOutlastsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		b := &broken{}
		b.fails.Store(2)
		p := f.broken("a", b)
		r := f.mustRead(p)
		f.send(3)
		r.until(10 * time.Second)
		r.has(0, 3)
		b.fails.Store(2)
		time.Sleep(11 * time.Minute) // two renewals
		if p.Source() != FanOut {
			t.Errorf("reads by %s", p.Source())
		}
	})
}

// A consumer that cannot be registered is tried again soon for two minutes, one that is refused
// after ten.
func TestRegistrationIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		why    error
		fails  int64
		within time.Duration
		asked  int64
	}{
		"a failure":         {errors.New("internal failure"), 2, 65 * time.Second, 3},
		"a full stream":     {stream.ErrFull, 4, 135 * time.Second, 5},
		"a lasting failure": {errors.New("internal failure"), 5, 13 * time.Minute, 6},
		"a refusal":         {stream.ErrRefused, 1, 11 * time.Minute, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				b := &broken{why: test.why}
				b.unregistered.Store(test.fails)
				p := f.broken("a", b)
				r := f.mustRead(p)
				if p.Source() != Polling {
					t.Errorf("at first it reads by %s", p.Source())
				}
				time.Sleep(test.within)
				if p.Source() != FanOut || b.asked.Load() != test.asked {
					t.Errorf("after %v it reads by %s, and has asked %d times", test.within, p.Source(), b.asked.Load())
				}
				f.send(2)
				r.until(10 * time.Second)
				r.has(0, 2)
			})
		})
	}
}

// Subscriptions that open and end at once deliver nothing.
func TestSubscriptionsThatEndAtOnceDeliverNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		p := f.broken("a", &broken{ends: true})
		r := f.mustRead(p)
		f.send(3)
		r.until(10 * time.Second)
		r.has(0, 3)
		if p.Source() != Polling {
			t.Errorf("reads by %s", p.Source())
		}
	})
}

// A process whose consumer another one has removed loses no feed.
func TestAFeedOutlivesItsConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		p := f.process("a")
		r := f.mustRead(p)
		f.send(2)
		r.until(time.Second)
		if err := f.fanOut.Deregister(t.Context(), events, "feed-a"); err != nil {
			t.Fatal(err)
		}
		f.send(2)
		r.until(time.Minute)
		r.has(0, 4)
	})
}

// Tips that nothing arrives at make room for those of new shards.
func TestIdleTipsMakeRoom(t *testing.T) {
	tips := &Tips{shards: map[string]*Tip{}}
	for i := range 64 {
		tip := &Tip{tips: tips, changed: make(chan struct{}), readers: 1}
		tips.shards[fmt.Sprint(i)] = tip
		for n := range 40 {
			tip.add(stream.Batch{Records: []stream.Delivered{{Record: stream.Record{Data: make([]byte, 100<<10)}, Sequence: fmt.Sprint(1 + n)}}, Next: "1"}, "1", time.Now())
		}
	}
	tips.closeUnused()
	total := 0
	for _, tip := range tips.shards {
		total += tip.bytes
	}
	if total > MaxBytes {
		t.Errorf("%d bytes are kept, at most %d", total, MaxBytes)
	}
}

// A lease that was given back and taken again is alive, though its count is one that was seen long
// ago.
func TestALeaseThatWasGivenBackIsCountedFromTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := &lease{rows: f.rows, key: "reader", owner: "a"}, &lease{rows: f.rows, key: "reader", owner: "b"}
		step := func(l *lease, want bool) {
			t.Helper()
			if err := l.step(t.Context(), want); err != nil {
				t.Fatal(err)
			}
		}
		step(a, true)
		step(b, true) // it has seen 1
		step(b, false)
		step(a, false)
		time.Sleep(time.Hour)
		step(a, true)
		step(b, true)
		if b.held() {
			t.Error("a lease is taken from its living holder")
		}
	})
}
