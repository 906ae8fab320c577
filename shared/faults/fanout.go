package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"passbook/shared/stream"
)

// FanOut adds enhanced fan-out to a store of streams: registered consumers, to which it sends what
// arrives. Nothing of that counts as a Get of LimitedStreams. It is safe for concurrent use.
type FanOut struct {
	inner     Streams
	mu        sync.Mutex
	consumers map[string][]stream.Consumer
	open      map[string]*fanOutSubscription
	refusal   error
	silent    bool
	most      int
	// idle has the times of continuation numbers that are of no record, as nothing had arrived.
	idle map[string]time.Time
}

// NewFanOut returns the fan-out of a store.
func NewFanOut(inner Streams) *FanOut {
	return &FanOut{inner: inner, consumers: map[string][]stream.Consumer{}, open: map[string]*fanOutSubscription{}, most: stream.MaxConsumers, idle: map[string]time.Time{}}
}

// fanOutStream is a process's handle on streams with fan-out.
type fanOutStream struct {
	stream.Stream
	*FanOut
}

// Stream returns the handle of a process, which has fan-out beside what it does already.
func (f *FanOut) Stream(s stream.Stream) stream.Stream { return fanOutStream{s, f} }

// Refuse makes every call fail from now on, and ends what is subscribed. Nil ends that.
func (f *FanOut) Refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = err
	f.endLocked(func(string) bool { return err != nil })
}

// Silence makes subscriptions receive nothing from now on.
func (f *FanOut) Silence(silent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = silent
}

// endLocked ends the subscriptions that are selected. The caller holds the mutex.
func (f *FanOut) endLocked(selected func(key string) bool) {
	for key, s := range f.open {
		if selected(key) {
			s.cancel()
			delete(f.open, key)
		}
	}
}

// Register implements stream.Subscriber.
func (f *FanOut) Register(ctx context.Context, name, consumer string) error {
	if _, err := f.inner.Created(ctx, name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	there := slices.ContainsFunc(f.consumers[name], func(c stream.Consumer) bool { return c.Name == consumer })
	switch {
	case f.refusal != nil:
		return f.refusal
	case there:
		return nil
	case len(f.consumers[name]) == f.most:
		return stream.ErrFull
	}
	f.consumers[name] = append(f.consumers[name], stream.Consumer{Name: consumer, Created: time.Now().UTC()})
	return nil
}

// Deregister implements stream.Subscriber.
func (f *FanOut) Deregister(_ context.Context, name, consumer string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.consumers[name] = slices.DeleteFunc(f.consumers[name], func(c stream.Consumer) bool { return c.Name == consumer })
	for key, s := range f.open {
		if s.name == name && s.consumer == consumer {
			s.cancel()
			delete(f.open, key)
		}
	}
	return nil
}

// Consumers implements stream.Subscriber.
func (f *FanOut) Consumers(_ context.Context, name string) ([]stream.Consumer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.consumers[name]), f.refusal
}

// Subscribe implements stream.Subscriber.
func (f *FanOut) Subscribe(ctx context.Context, name, consumer, shard string, at stream.Position) (stream.Subscription, error) {
	f.mu.Lock()
	if since, idle := f.idle[at.Sequence]; idle {
		at = stream.Position{Where: stream.AtTime, Time: since}
	}
	f.mu.Unlock()
	iterator, err := f.inner.Iterator(ctx, name, shard, at)
	if errors.Is(err, stream.ErrTrimmed) {
		iterator, err = f.inner.Iterator(ctx, name, shard, stream.Position{})
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refusal != nil {
		return nil, f.refusal
	}
	if !slices.ContainsFunc(f.consumers[name], func(c stream.Consumer) bool { return c.Name == consumer }) {
		return nil, fmt.Errorf("%w: consumer %s", stream.ErrNotFound, consumer)
	}
	key := name + "/" + consumer + "/" + shard
	f.endLocked(func(other string) bool { return other == key })
	life, cancel := context.WithTimeout(context.WithoutCancel(ctx), stream.SubscriptionAge)
	s := &fanOutSubscription{fanOut: f, name: name, consumer: consumer, shard: shard, iterator: iterator, after: at.Sequence, life: life, cancel: cancel}
	f.open[key] = s
	return s, nil
}

// fanOutSubscription implements stream.Subscription.
type fanOutSubscription struct {
	fanOut                *FanOut
	name, consumer, shard string
	iterator, after       string
	told                  bool
	life                  context.Context
	cancel                context.CancelFunc
}

// fanOutEvery is how often a subscription tells that nothing arrived.
const fanOutEvery = 5 * time.Second

// Receive implements stream.Subscription.
func (s *fanOutSubscription) Receive(ctx context.Context) (stream.Batch, error) {
	for {
		arrived := s.fanOut.inner.Arrived(s.name, s.shard)
		if s.life.Err() != nil {
			return stream.Batch{}, stream.ErrExpiredIterator
		}
		if b, told, err := s.next(ctx); err != nil || told {
			return b, err
		}
		timer := time.NewTimer(fanOutEvery)
		select {
		case <-arrived:
		case <-timer.C:
			s.told = false
		case <-s.life.Done():
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return stream.Batch{}, ctx.Err()
		}
	}
}

// next returns what arrived, and whether there is anything to tell.
func (s *fanOutSubscription) next(ctx context.Context) (b stream.Batch, told bool, err error) {
	s.fanOut.mu.Lock()
	silent := s.fanOut.silent
	s.fanOut.mu.Unlock()
	if silent || s.iterator == "" {
		return b, s.iterator == "", nil
	}
	if b, err = s.fanOut.inner.Get(ctx, s.iterator, stream.MaxGetRecords); err != nil {
		return b, true, err
	}
	s.iterator = b.Next
	if n := len(b.Records); n > 0 {
		s.after = b.Records[n-1].Sequence
	}
	if b.Next != "" {
		b.Next = s.fanOut.continuation(s.after)
	}
	told = len(b.Records) > 0 || s.iterator == "" || !s.told
	s.told = true
	return b, told, nil
}

// continuation returns where a subscription continues that has sent records up to a sequence
// number, or none.
func (f *FanOut) continuation(after string) string {
	if after != "" {
		return after
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	number := fmt.Sprintf("9%055d", len(f.idle))
	f.idle[number] = time.Now()
	return number
}

// Close implements stream.Subscription.
func (s *fanOutSubscription) Close() error {
	s.cancel()
	return nil
}
