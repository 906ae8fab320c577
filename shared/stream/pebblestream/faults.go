package pebblestream

import (
	"errors"
	"math/rand/v2"
	"sync"

	"passbook/shared/stream"
)

// errLost is what a caller sees when the answer to a Put got lost.
var errLost = errors.New("pebblestream: injected: answer lost")

// Faults says in percent how often a Stream fails as Kinesis does. The same seed and calls give the
// same faults.
type Faults struct {
	Seed uint64
	// Refuse is the chance of each record of a Put to be refused with ErrThrottled, whatever
	// happens to the others.
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

type faults struct {
	mu    sync.Mutex
	on    bool
	set   Faults
	dice  *rand.Rand
	fired Fired
}

// SetFaults makes the calls through this Stream fail from now on; the zero value ends that. It sets
// the counters to zero.
func (s *Stream) SetFaults(f Faults) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.on = f != Faults{}
	s.faults.set = f
	s.faults.dice = rand.New(rand.NewPCG(f.Seed, 1))
	s.faults.fired = Fired{}
}

// Fired says how often each fault happened since SetFaults.
func (s *Stream) Fired() Fired {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.fired
}

func (f *faults) roll(percent int, counter *uint64) bool {
	if !f.on || percent == 0 || f.dice.IntN(100) >= percent {
		return false
	}
	*counter++
	return true
}

// refuse says which of n records to refuse; nil is none.
func (f *faults) refuse(n int) []bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on || f.set.Refuse == 0 {
		return nil
	}
	out := make([]bool, n)
	for i := range out {
		out[i] = f.roll(f.set.Refuse, &f.fired.Refuse)
	}
	return out
}

// lose spoils the answers of stored records.
func (f *faults) lose(results []stream.PutResult) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.roll(f.set.LoseCall, &f.fired.LoseCall) {
		return errLost
	}
	for i := range results {
		if results[i].Err == nil && f.roll(f.set.Lose, &f.fired.Lose) {
			results[i] = stream.PutResult{Err: errLost}
		}
	}
	return nil
}

func (f *faults) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.roll(f.set.Throttle, &f.fired.Throttle):
		return stream.ErrThrottled
	case f.roll(f.set.Expire, &f.fired.Expire):
		return stream.ErrExpiredIterator
	}
	return nil
}

func (f *faults) empty() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.roll(f.set.Empty, &f.fired.Empty)
}
