package consumer

import (
	"cmp"
	"context"
	"slices"
	"time"

	"passbook/shared/table"
)

// ShardStatus is how far a consumer is on one shard, according to its lease.
type ShardStatus struct {
	Shard string
	// Owner is the worker that reads the shard, "" for none.
	Owner string
	// Format is the newest entry format that the owner's program says it reads, at least 1, and
	// Epoch rises with every write of the lease, by which its owner shows that it lives.
	Format int
	Epoch  int64
	// Checkpoint is the sequence number up to which everything is processed, "" at the trim horizon
	// and when Ended.
	Checkpoint string
	// Ended is set when a closed shard was read to its end.
	Ended bool
	// Behind is the distance from the shard's tip at the time At. A shard whose At grows old is not
	// being read.
	Behind time.Duration
	At     time.Time
	// Holes counts the shard's open holes.
	Holes int
}

// Lag returns the distance from the shard's tip at now, at least. A reader reports its distance at
// least twice in a lease; after a longer silence nothing reads the shard, and the time since then
// counts too.
func (s ShardStatus) Lag(now time.Time, lease time.Duration) time.Duration {
	lag := max(s.Behind, 0)
	if silent := now.Sub(s.At); !s.Ended && !s.At.IsZero() && silent > lease/2 {
		lag += silent
	}
	return lag
}

// Status returns the status of every shard that a consumer has a lease for, in the order of their
// ids. A new shard of the stream appears when the first worker has seen it.
func Status(ctx context.Context, t table.Table, streamName, consumer string) ([]ShardStatus, error) {
	leases, err := leasesOf(t, streamName, consumer).list(ctx)
	if err != nil {
		return nil, err
	}
	holes, err := Holes(ctx, t, streamName, consumer)
	if err != nil {
		return nil, err
	}
	open := map[string]int{}
	for _, h := range holes {
		if h.HealedAt.IsZero() {
			open[h.Shard]++
		}
	}
	var list []ShardStatus
	for id, l := range leases {
		status := ShardStatus{Shard: id, Owner: l.owner, Format: max(l.format, 1), Epoch: l.epoch, Checkpoint: l.checkpoint, Ended: l.ended(), Behind: l.behind, At: l.at, Holes: open[id]}
		if status.Ended {
			status.Checkpoint, status.Behind = "", 0
		}
		list = append(list, status)
	}
	slices.SortFunc(list, func(a, b ShardStatus) int { return cmp.Compare(a.Shard, b.Shard) })
	return list, nil
}

// Checkpoint is up to where a consumer has processed a shard.
type Checkpoint struct {
	// Sequence is "" at the trim horizon and when Ended.
	Sequence string
	// Ended is set when the shard was read to its end.
	Ended bool
	// Created is the stream's creation. It distinguishes the shard from one of an earlier stream.
	Created time.Time
	// CaughtUp is a time at which the shard had no record after Sequence; zero if there is none.
	CaughtUp time.Time
}

// Checkpoints returns the checkpoint of each shard that a consumer has a lease for, by shard.
func Checkpoints(ctx context.Context, t table.Table, streamName, consumer string) (map[string]Checkpoint, error) {
	leases, err := leasesOf(t, streamName, consumer).list(ctx)
	if err != nil {
		return nil, err
	}
	checkpoints := make(map[string]Checkpoint, len(leases))
	for id, l := range leases {
		c := Checkpoint{Sequence: l.checkpoint, Ended: l.ended(), Created: time.Unix(l.created, 0).UTC(), CaughtUp: l.caughtUp}
		if c.Ended {
			c.Sequence = ""
		}
		checkpoints[id] = c
	}
	return checkpoints, nil
}
