package tip

import (
	"context"
	"sync"
	"time"

	"passbook/shared/backoff"
)

// polls spaces the reads of each shard of a stream that does not report arrivals. All feeds of a
// process share them: a shard of Kinesis takes 5 reads a second from all its readers, and the
// consumers need theirs.
type polls struct {
	mu   sync.Mutex
	next map[string]time.Time
}

// await waits for the next turn to read a shard.
func (p *polls) await(ctx context.Context, shard string) error {
	p.mu.Lock()
	turn := p.next[shard]
	if now := time.Now(); turn.Before(now) {
		turn = now
	}
	p.next[shard] = turn.Add(pollEvery)
	p.mu.Unlock()
	return backoff.Sleep(ctx, time.Until(turn))
}
