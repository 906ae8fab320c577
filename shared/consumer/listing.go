package consumer

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/stream"
)

// listing is the stream's shards and its creation, each with the time at which it was read. The
// end of a shard makes the shards stale.
type listing struct {
	shards  []stream.Shard
	at      time.Time
	created time.Time
	dated   time.Time
}

// stale reports whether the listing is older than one of the leases, or lacks a shard of one.
func (l listing) stale(leases map[string]lease) bool {
	listed := map[string]bool{}
	for _, s := range l.shards {
		listed[s.ID] = true
	}
	for id, lease := range leases {
		if !listed[id] || lease.created > l.created.Unix() {
			return true
		}
	}
	return false
}

// list lists the stream, at most once a quarter of a lease unless there are leases that the listing
// does not know: a shard that another worker found first must not be taken for one that is gone.
// The stream's creation is read once a lease: Kinesis answers 20 such calls a second in an AWS
// account, and each reader checks by itself whether its stream was recreated.
func (w *Worker) list(ctx context.Context, leases map[string]lease) error {
	due := w.listed.at.IsZero() || w.listed.stale(leases)
	if !due && time.Since(w.listed.at) < w.runtime.Lease/4 {
		return nil
	}
	next := w.listed
	if due || time.Since(w.listed.dated) >= w.runtime.Lease {
		created, err := w.runtime.Streams.Created(ctx, w.runtime.Stream)
		if err != nil {
			return fmt.Errorf("read the creation of stream %s: %w", w.runtime.Stream, err)
		}
		next.created, next.dated = created, time.Now()
	}
	shards, err := w.runtime.Streams.Shards(ctx, w.runtime.Stream)
	if err != nil {
		return fmt.Errorf("list the shards of stream %s: %w", w.runtime.Stream, err)
	}
	next.shards, next.at = shards, time.Now()
	w.listed = next
	return nil
}
