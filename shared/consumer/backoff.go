package consumer

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff spaces repeated attempts: each pause is random, up to a bound that doubles, so that workers that failed together do not
// come back together.
type backoff struct {
	first, most time.Duration
	tries       int
}

// next is the pause before the next attempt.
func (b *backoff) next() time.Duration {
	bound := b.most
	if b.tries < 20 {
		bound = min(b.first<<b.tries, b.most)
	}
	b.tries++
	return bound/2 + rand.N(bound/2+1)
}

// pause waits before the next attempt, or until ctx ends.
func (b *backoff) pause(ctx context.Context) error { return sleep(ctx, b.next()) }

func (b *backoff) reset() { b.tries = 0 }

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
