package streamtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

var fanOutClauses = []clause{
	{"fan-out/registered", "Register registers a consumer and returns when it can subscribe. One that is registered stays.", nil, fanOutRegistered},
	{"fan-out/full", "If there are too many it returns ErrFull.", nil, fanOutFull},
	{"fan-out/removed", "Deregister removes a consumer, which can subscribe no more. It is no error if there is none.", nil, fanOutRemoved},
	{"fan-out/positions", "Subscribe opens a subscription of a registered consumer to a shard.", nil, fanOutPositions},
	{"fan-out/again", "Its Next is the sequence number after which to subscribe again;", nil, fanOutAgain},
	{"fan-out/replaced", "A later one of the same consumer and shard takes its place.", nil, fanOutReplaced},
	{"fan-out/end", "Its Next is the sequence number after which to subscribe again; empty if a closed shard was read to its end.", canReshard, fanOutEnd},
}

// RunFanOut checks that an adapter which is a stream.Subscriber keeps that part of the contract.
func RunFanOut(t *testing.T, open func(testing.TB) Harness) {
	h := open(t)
	if _, can := h.First.(stream.Subscriber); !can {
		t.Fatalf("%T is no stream.Subscriber", h.First)
	}
	run(t, h, fanOutClauses)
}

func (s *suite) fanOut() stream.Subscriber { return s.First.(stream.Subscriber) }

// registered creates a stream of one shard with a registered consumer.
func (s *suite) registered() (shard string) {
	s.Helper()
	s.create(1)
	s.must(s.fanOut().Register(s.ctx, s.name, "reader"))
	return s.shards()[0].ID
}

// subscribe opens a subscription, which a store may refuse for a while after another one.
func (s *suite) subscribe(shard string, at stream.Position) (sub stream.Subscription) {
	s.Helper()
	s.must(s.retryThrottled(func() (err error) {
		sub, err = s.fanOut().Subscribe(s.ctx, s.name, "reader", shard, at)
		return err
	}))
	return sub
}

// receive receives until n records with different data came, or the shard's end. It returns where
// to subscribe again.
func (s *suite) receive(sub stream.Subscription, n int) (got []stream.Delivered, next string) {
	s.Helper()
	for {
		b, err := sub.Receive(s.ctx)
		s.must(err)
		got, next = append(got, b.Records...), b.Next
		if len(data(got)) >= n || next == "" {
			return got, next
		}
	}
}

func (s *suite) consumers() (names []string) {
	s.Helper()
	list, err := s.fanOut().Consumers(s.ctx, s.name)
	s.must(err)
	for _, c := range list {
		names = append(names, c.Name)
		if age := time.Since(c.Created); age > 10*time.Minute || age < -10*time.Minute {
			s.Fatalf("%s was registered at %v", c.Name, c.Created)
		}
	}
	slices.Sort(names)
	return names
}

func fanOutRegistered(s *suite) {
	shard := s.registered()
	s.must(s.fanOut().Register(s.ctx, s.name, "reader"))
	s.must(s.fanOut().Register(s.ctx, s.name, "other"))
	s.must(differ("registered", s.consumers(), []string{"other", "reader"}))
	s.must(s.subscribe(shard, stream.Position{}).Close())
	s.wantErr(s.fanOut().Register(s.ctx, s.name+"-none", "reader"), stream.ErrNotFound, "register on no stream")
	_, err := s.fanOut().Subscribe(s.ctx, s.name, "nobody", shard, stream.Position{})
	s.wantErr(err, stream.ErrNotFound, "subscribe of no consumer")
}

func fanOutFull(s *suite) {
	s.create(1)
	for i := range stream.MaxConsumers {
		s.must(s.fanOut().Register(s.ctx, s.name, fmt.Sprint("reader-", i)))
	}
	s.wantErr(s.fanOut().Register(s.ctx, s.name, "one-more"), stream.ErrFull, "one more")
	s.must(s.fanOut().Register(s.ctx, s.name, "reader-0"))
	s.must(s.fanOut().Deregister(s.ctx, s.name, "reader-7"))
	s.eventually(func() error { return s.fanOut().Register(s.ctx, s.name, "one-more") })
}

func fanOutRemoved(s *suite) {
	shard := s.registered()
	sub := s.subscribe(shard, stream.Position{})
	s.must(s.fanOut().Deregister(s.ctx, s.name, "reader"))
	s.eventually(func() error { return differ("registered", s.consumers(), nil) })
	s.must(s.fanOut().Deregister(s.ctx, s.name, "reader"))
	if _, err := s.fanOut().Subscribe(s.ctx, s.name, "reader", shard, stream.Position{}); err == nil {
		s.Fatal("a consumer that was removed may subscribe")
	}
	s.must(sub.Close())
}

func fanOutPositions(s *suite) {
	shard := s.registered()
	first := s.mustSend(numbered("a", 0, 5)...)
	all := s.mustTail(shard, stream.Position{}, 5)
	for at, want := range map[stream.Position]int{
		{}: 0, {Where: stream.AfterSequence, Sequence: first[2].Sequence}: 3, {Where: stream.AtTime, Time: all[0].Arrived.Add(-time.Minute)}: 0,
	} {
		sub := s.subscribe(shard, at)
		got, _ := s.receive(sub, 5-want)
		s.must(differ(fmt.Sprintf("from %v", at), data(got), texts(numbered("a", want, 5-want))))
		s.wantRising(got)
		s.must(sub.Close())
	}
	if s.Advance == nil { // an emulator may go by its clock to know the newest
		s.must(backoff.Sleep(s.ctx, time.Second))
	}
	sub := s.subscribe(shard, stream.Position{Where: stream.Latest})
	s.mustSend(numbered("a", 5, 2)...)
	got, _ := s.receive(sub, 2)
	s.must(differ("from the newest", data(got), texts(numbered("a", 5, 2))))
	s.must(sub.Close())
}

// fanOutAgain loses nothing between subscriptions.
func fanOutAgain(s *suite) {
	shard := s.registered()
	s.mustSend(numbered("a", 0, 1)...)
	at := stream.Position{}
	var got []string
	for round := 1; round <= 4; round++ {
		sub := s.subscribe(shard, at)
		records, next := s.receive(sub, 1)
		got = append(got, data(records)...)
		s.must(sub.Close())
		at = stream.Position{Where: stream.AfterSequence, Sequence: next}
		s.mustSend(numbered("a", round, 1)...)
	}
	s.must(differ("received", got, texts(numbered("a", 0, 4))))
}

func fanOutReplaced(s *suite) {
	shard := s.registered()
	first := s.subscribe(shard, stream.Position{})
	second := s.subscribe(shard, stream.Position{})
	s.mustSend(numbered("a", 0, 1)...)
	got, _ := s.receive(second, 1)
	s.must(differ("received", data(got), texts(numbered("a", 0, 1))))
	s.must(errors.Join(first.Close(), second.Close()))
}

func fanOutEnd(s *suite) {
	shard := s.registered()
	s.mustSend(numbered("a", 0, 3)...)
	s.must(s.Split(s.ctx, s.name, shard))
	s.open(2)
	sub := s.subscribe(shard, stream.Position{})
	got, next := s.receive(sub, 4)
	s.must(differ("up to the end", data(got), texts(numbered("a", 0, 3))))
	s.must(differ("after the end", next, ""))
	s.must(sub.Close())
}
