package streamtest

import (
	"errors"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

var readClauses = []clause{
	{"read/positions", "Position is where to start reading a shard.", nil, readPositions},
	{"read/latest", "Latest is after the newest record.", nil, readLatest},
	{"read/time", "AtTime is the first record that arrived at or after Position.Time.", nil, readTime},
	{"read/cut-points", "Next is the iterator for the next Get; empty if a closed shard was read to its end.", nil, readCutPoints},
	{"read/behind", "Behind is how far the end of the batch is from the newest record; 0 if everything was read.", nil, readBehind},
	{"read/limits", "Get reads up to limit records (1..MaxGetRecords; at most 10 MiB).", nil, readLimits},
	{"read/handles", "A nil Err means durable.", nil, readHandles},
	{"read/expired", "ErrExpiredIterator: the iterator is older than IteratorAge; take a new one after the last sequence number read.",
		func(h Harness) bool { return h.Advance != nil }, readExpired},
	{"read/woken", "Arrived returns a channel that is closed at the next arrival on, or change of, the stream's shard after the call.",
		func(h Harness) bool { _, can := h.First.(stream.Notifier); return can }, readWoken},
}

// filled creates a stream of one shard with n records, and returns what a reader gets from its
// start when two reads agree: the copy of a repeated put may become visible late.
func (s *suite) filled(n int) (shard string, all []stream.Delivered) {
	s.Helper()
	s.create(1)
	puts := s.mustSend(numbered("a", 0, n)...)
	shard = puts[0].Shard
	all = s.mustTail(shard, stream.Position{}, n)
	s.eventually(func() error {
		before := len(all)
		all = s.mustTail(shard, stream.Position{}, n)
		return differ("records", len(all), before)
	})
	return shard, all
}

func readPositions(s *suite) {
	shard, all := s.filled(12)
	for i, d := range all {
		at := stream.Position{Where: stream.AtSequence, Sequence: d.Sequence}
		got := s.mustTail(shard, at, len(data(all[i:])))
		s.must(differ("at", got[0].Sequence, d.Sequence))
		s.must(differ("at", data(got), data(all[i:])))
		if i+1 == len(all) {
			break
		}
		got = s.mustTail(shard, stream.Position{Where: stream.AfterSequence, Sequence: d.Sequence}, len(data(all[i+1:])))
		s.must(differ("after", got[0].Sequence, all[i+1].Sequence))
		s.must(differ("after", data(got), data(all[i+1:])))
	}
	for _, at := range []stream.Position{
		{Where: stream.AtSequence}, {Where: stream.AfterSequence, Sequence: "x1"}, {Where: stream.AtSequence, Sequence: "-1"}, {Where: 99},
	} {
		_, err := s.iterator(shard, at)
		s.wantErr(err, stream.ErrInvalid, "position %+v", at)
	}
}

func readLatest(s *suite) {
	s.create(1)
	shard := s.shards()[0].ID
	for from := range 3 {
		if s.Advance == nil { // an emulator may go by its clock to know the newest
			s.must(backoff.Sleep(s.ctx, time.Second))
		}
		it, err := s.iterator(shard, stream.Position{Where: stream.Latest})
		s.must(err)
		next := numbered("a", from, 1)
		put := s.mustSend(next...)[0]
		for attempt := 0; ; attempt++ {
			batch, err := s.First.Get(s.ctx, it, 10)
			if errors.Is(err, stream.ErrThrottled) || errors.Is(err, stream.ErrExpiredIterator) {
				s.must(pause(s.ctx, attempt))
				continue
			}
			s.must(err)
			if len(batch.Records) > 0 {
				s.must(differ("first after the newest", data(batch.Records), texts(next)))
				break
			}
			it = batch.Next
			s.must(pause(s.ctx, attempt))
		}
		got := s.mustTail(shard, stream.Position{Where: stream.AtSequence, Sequence: put.Sequence}, 1)
		s.must(differ("at its result", data(got[:1]), texts(next)))
	}
}

// readTime allows whole seconds for a store whose clock the test cannot move: an emulator may
// round.
func readTime(s *suite) {
	grain, apart := time.Second, 2*time.Second
	wait := func() { s.must(backoff.Sleep(s.ctx, apart)) }
	if s.Advance != nil {
		grain, wait = 0, func() { s.Advance(apart) }
	}
	shard, _ := s.filled(6)
	wait()
	s.mustSend(numbered("a", 6, 6)...)
	all := s.mustTail(shard, stream.Position{}, 12)
	for _, from := range all {
		got := s.mustTail(shard, stream.Position{Where: stream.AtTime, Time: from.Arrived}, 1)
		if got[0].Arrived.Before(from.Arrived.Truncate(grain)) || stream.CompareSequence(got[0].Sequence, from.Sequence) > 0 {
			s.Fatalf("at %v: record %s of %v, want %s at the latest", from.Arrived, got[0].Sequence, got[0].Arrived, from.Sequence)
		}
	}
	wait() // Kinesis refuses a time that is yet to come
	it, err := s.iterator(shard, stream.Position{Where: stream.AtTime, Time: all[len(all)-1].Arrived.Add(time.Second)})
	s.must(err)
	if batch, err := s.First.Get(s.ctx, it, 10); err == nil && len(batch.Records) > 0 {
		s.Fatalf("records after the last: %v", batch.Records)
	}
}

func readCutPoints(s *suite) {
	const n = 15
	shard, all := s.filled(n)
	for limit := 1; limit <= n+1; limit++ {
		got, end, err := s.tail(shard, stream.Position{}, n, limit)
		s.must(err)
		s.wantRising(got)
		if end {
			s.Fatal("an open shard came to an end")
		}
		s.must(differ("in parts", data(got), data(all)))
	}
	// An iterator can be used again until it expires.
	it, err := s.iterator(shard, stream.Position{})
	s.must(err)
	for range 2 {
		s.eventually(func() error {
			batch, err := s.First.Get(s.ctx, it, 4)
			if err != nil {
				return err
			}
			return differ("the same again", data(batch.Records), data(all[:min(4, len(all))]))
		})
	}
}

func readBehind(s *suite) {
	shard, all := s.filled(10)
	it, err := s.iterator(shard, stream.Position{})
	s.must(err)
	last := all[len(all)-1].Sequence
	for attempt, done := 0, false; !done; attempt++ {
		batch, err := s.First.Get(s.ctx, it, 3)
		if err != nil {
			if errors.Is(err, stream.ErrExpiredIterator) {
				it, err = s.iterator(shard, stream.Position{})
				s.must(err)
			}
			s.must(pause(s.ctx, attempt))
			continue
		}
		if n := len(batch.Records); n > 0 {
			done = stream.CompareSequence(batch.Records[n-1].Sequence, last) >= 0
		}
		if batch.Behind < 0 {
			s.Fatalf("behind %v", batch.Behind)
		}
		it = batch.Next
	}
	s.eventually(func() error {
		batch, err := s.First.Get(s.ctx, it, 3)
		if errors.Is(err, stream.ErrExpiredIterator) {
			it, err = s.iterator(shard, stream.Position{Where: stream.AfterSequence, Sequence: last})
		}
		if err != nil {
			return err
		}
		if len(batch.Records) > 0 {
			it = batch.Next
		}
		return differ("behind at the tip", batch.Behind, 0)
	})
}

func readLimits(s *suite) {
	shard, _ := s.filled(1)
	it, err := s.iterator(shard, stream.Position{})
	s.must(err)
	for _, limit := range []int{-1, 0, stream.MaxGetRecords + 1} {
		_, err := s.First.Get(s.ctx, it, limit)
		s.wantErr(err, stream.ErrInvalid, "limit %d", limit)
	}
	for _, bad := range []string{"", "x", it[:len(it)/2], it + "AAAA", "\x00\xff"} {
		// Any error is right, except one for which a reader would repeat the call.
		batch, err := s.First.Get(s.ctx, bad, 1)
		if err == nil || errors.Is(err, stream.ErrThrottled) || errors.Is(err, stream.ErrExpiredIterator) || errors.Is(err, stream.ErrTrimmed) {
			s.Fatalf("iterator %q gives %v, %v", bad, batch, err)
		}
	}
}

// readHandles reads through one handle the records that were put through another.
func readHandles(s *suite) {
	s.create(1)
	shard := s.shards()[0].ID
	there := *s
	there.First = s.Second
	for i := range 10 {
		s.mustSend(numbered("a", i, 1)...)
		got := there.mustTail(shard, stream.Position{}, i+1)
		s.must(differ("read by the other", data(got), texts(numbered("a", 0, i+1))))
	}
}

func readExpired(s *suite) {
	shard, all := s.filled(4)
	it, err := s.iterator(shard, stream.Position{})
	s.must(err)
	s.Advance(stream.IteratorAge + time.Second)
	_, err = s.First.Get(s.ctx, it, 1)
	s.wantErr(err, stream.ErrExpiredIterator, "get with an old iterator")
	got := s.mustTail(shard, stream.Position{Where: stream.AfterSequence, Sequence: all[0].Sequence}, len(data(all[1:])))
	s.must(differ("with a new one", data(got), data(all[1:])))
}

func readWoken(s *suite) {
	s.create(1)
	shard := s.shards()[0].ID
	notifier := s.First.(stream.Notifier)
	wait := func(what string, bell <-chan struct{}) {
		s.Helper()
		select {
		case <-bell:
		case <-s.ctx.Done():
			s.Fatalf("not woken by %s", what)
		}
	}
	bell, twin := notifier.Arrived(s.name, shard), notifier.Arrived(s.name, shard)
	select {
	case <-bell:
		s.Fatal("woken by nothing")
	default:
	}
	put := s.mustSend(numbered("a", 0, 1)...)[0]
	wait("a record", bell)
	wait("a record", twin)
	got := s.mustTail(shard, stream.Position{Where: stream.AtSequence, Sequence: put.Sequence}, 1)
	s.must(differ("what woke", data(got), texts(numbered("a", 0, 1))))
	if s.Split != nil {
		bell = notifier.Arrived(s.name, shard)
		s.must(s.Split(s.ctx, s.name, shard))
		wait("a split", bell)
	}
	bell = notifier.Arrived(s.name, s.shards()[0].ID)
	s.must(s.Delete(s.ctx, s.name))
	wait("a delete", bell)
}
