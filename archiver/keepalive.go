package archiver

import (
	"context"
	"time"

	"passbook/shared/consumer"
)

const (
	// maxSearch bounds the search for the end of a chain, which lists all days of the archive if it
	// has to.
	maxSearch = 10 * time.Minute
	// maxCall bounds a transfer without its data, and perMiB adds to it for each MiB: both are a
	// little more than the bucket's own limits.
	maxCall = time.Minute
	perMiB  = 2 * time.Second
	// aliveEvery is how often the worker is told that the shard is alive; a lease is at least 5 s.
	aliveEvery = time.Second
)

// maxTransfer returns how long a transfer of so many bytes may take.
func maxTransfer(bytes int64) time.Duration { return maxCall + time.Duration(bytes>>20)*perMiB }

// withKeepAlive makes a call to the bucket that may take longer than a lease, up to most, and keeps
// the lease alive during it: another worker would only begin the same call again. A call that
// ignores the end of its context costs the lease.
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
