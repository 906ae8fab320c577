package archiver

import (
	"context"
	"time"

	"passbook/shared/consumer"
)

const (
	// maxSearch is how long the search for the end of a chain may take, which looks over all days
	// of the archive where it has to.
	maxSearch = 10 * time.Minute
	// maxCall is how long a transfer may take besides its data, and slowest a MiB of data: a
	// little more than the bucket's own limits.
	maxCall = time.Minute
	perMiB  = 2 * time.Second
	// aliveEvery is how often the worker is told meanwhile; a lease is at least 5 s.
	aliveEvery = time.Second
)

// maxTransfer is how long a transfer of so many bytes may take.
func maxTransfer(bytes int64) time.Duration { return maxCall + time.Duration(bytes>>20)*perMiB }

// withKeepAlive makes a call to the bucket that may take longer than a lease, and no longer than
// most, and tells the worker meanwhile that the shard is looked after: another worker would only
// begin the same call anew. A call that does not heed its end costs the lease.
func withKeepAlive(ctx context.Context, most time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if ctx.Err() == nil {
				consumer.KeepAlive(ctx)
			}
		}
	}
}
