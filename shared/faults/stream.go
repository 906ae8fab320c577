package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"passbook/shared/stream"
)

// errLost is what a caller sees when the answer to a Put is lost.
var errLost = errors.New("faults: answer lost")

// Chances are the percentages of calls and records of a Stream that fail as those of Kinesis do.
// The same seed and calls give the same faults.
type Chances struct {
	Seed uint64
	// Refuse is the chance of each record of a Put to be refused with ErrThrottled, independently
	// of the others.
	Refuse int
	// Lose is the chance of each record to be stored and reported as failed, so that a retry makes
	// a duplicate.
	Lose int
	// LoseCall is the chance of a Put to store its records and answer an error.
	LoseCall int
	// Throttle is the chance of a Get to be ErrThrottled.
	Throttle int
	// Expire is the chance of a Get to be ErrExpiredIterator.
	Expire int
	// Empty is the chance of a Get to be empty though more follows.
	Empty int
}

// Fired counts how often each fault happened.
type Fired struct{ Refuse, Lose, LoseCall, Throttle, Expire, Empty uint64 }

// Streams is a store of streams with all that the embedded one can do.
type Streams interface {
	stream.Stream
	stream.Notifier
	CreateStream(ctx context.Context, name string, shards int) error
	DeleteStream(ctx context.Context, name string) error
	Split(ctx context.Context, name, shard string) error
	Merge(ctx context.Context, name, shard, adjacent string) error
	Trim(ctx context.Context, name, shard, before string) error
}

// Stream is a stream.Stream whose Puts and Gets fail at random. It is safe for concurrent use.
type Stream struct {
	Streams

	mu      sync.Mutex
	chances Chances
	dice    *rand.Rand
	fired   Fired
}

// NewStream returns a decorator of s that fails nothing yet.
func NewStream(s Streams) *Stream { return &Stream{Streams: s} }

// Fail makes calls fail by these chances from now on and sets the counters to zero. The zero value
// ends the faults.
func (s *Stream) Fail(c Chances) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chances, s.dice, s.fired = c, rand.New(rand.NewPCG(c.Seed, 1)), Fired{}
}

// Fired returns how often each fault happened since Fail.
func (s *Stream) Fired() Fired {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}

// roll reports whether a fault of that chance happens now. The caller holds the mutex.
func (s *Stream) roll(percent int, counter *uint64) bool {
	if percent == 0 || s.dice.IntN(100) >= percent {
		return false
	}
	*counter++
	return true
}

// Put implements stream.Stream.
func (s *Stream) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
	if err := stream.CheckPut(records); err != nil {
		return nil, err
	}
	results := make([]stream.PutResult, len(records))
	taken, places := s.refuse(records, results)
	if len(taken) == 0 {
		// A stream that does not exist is missing even if every record is refused.
		if _, err := s.Streams.Created(ctx, name); err != nil {
			return nil, err
		}
		return results, nil
	}
	puts, err := s.Streams.Put(ctx, name, taken)
	if err != nil {
		return nil, err
	}
	for i, put := range puts {
		results[places[i]] = put
	}
	if err := s.lose(results); err != nil {
		return nil, err
	}
	return results, nil
}

// refuse sets the results of the records that are refused, and returns the others and their places.
func (s *Stream) refuse(records []stream.Record, results []stream.PutResult) (taken []stream.Record, places []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range records {
		if s.roll(s.chances.Refuse, &s.fired.Refuse) {
			results[i].Err = stream.ErrThrottled
			continue
		}
		taken, places = append(taken, r), append(places, i)
	}
	return taken, places
}

// lose replaces results of stored records, or all of them, by errors.
func (s *Stream) lose(results []stream.PutResult) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roll(s.chances.LoseCall, &s.fired.LoseCall) {
		return errLost
	}
	for i := range results {
		if results[i].Err == nil && s.roll(s.chances.Lose, &s.fired.Lose) {
			results[i] = stream.PutResult{Err: errLost}
		}
	}
	return nil
}

// Get implements stream.Stream. A call that the store refuses is refused so, before any fault.
func (s *Stream) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	batch, err := s.Streams.Get(ctx, iterator, limit)
	if err != nil {
		return batch, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.roll(s.chances.Throttle, &s.fired.Throttle):
		return stream.Batch{}, stream.ErrThrottled
	case s.roll(s.chances.Expire, &s.fired.Expire):
		return stream.Batch{}, stream.ErrExpiredIterator
	case s.roll(s.chances.Empty, &s.fired.Empty):
		// The iterator keeps its age: it expires when a reader gets empty answers long enough.
		return stream.Batch{Next: iterator, Behind: time.Millisecond}, nil
	}
	return batch, nil
}
