package backoff

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Backoff computes the pauses of one caller. First and Most are required. It is not for concurrent
// use.
type Backoff struct {
	// First is the first bound, Most the last.
	First, Most time.Duration

	tries int
}

// Next returns the pause before the next attempt.
func (b *Backoff) Next() time.Duration {
	d := Of(b.First, b.Most, b.tries)
	b.tries++
	return d
}

// Pause waits before the next attempt, or until ctx ends, whose error it returns.
func (b *Backoff) Pause(ctx context.Context) error { return Sleep(ctx, b.Next()) }

// Reset begins again at First, after a success.
func (b *Backoff) Reset() { b.tries = 0 }

// Of returns a pause after so many failed attempts, from 0, for callers that count them elsewhere.
func Of(first, most time.Duration, failures int) time.Duration {
	bound := most
	if failures < 20 {
		bound = min(first<<failures, most)
	}
	return bound/2 + (*random.Load())(bound/2+1)
}

// random draws the random part of every pause: a duration from 0 to below n.
var random atomic.Pointer[func(n time.Duration) time.Duration]

func init() { SetRandom(nil) }

// SetRandom has the random part of pauses, from 0 to below n, drawn by f until the next call; nil
// is what programs use. It is for tests that must run the same way twice.
func SetRandom(f func(n time.Duration) time.Duration) {
	if f == nil {
		f = rand.N[time.Duration]
	}
	random.Store(&f)
}

// Sleep waits for d, or until ctx ends, whose error it returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
