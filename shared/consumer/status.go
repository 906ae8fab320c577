package consumer

import (
	"cmp"
	"context"
	"slices"
	"time"

	"passbook/shared/table"
)

// ShardStatus is how a consumer stands on one shard, as its lease tells.
type ShardStatus struct {
	Shard string
	// Owner reads the shard; "" for nobody.
	Owner string
	// Checkpoint is the sequence number up to which all is done, "" at the trim horizon.
	Checkpoint string
	// Ended says that a closed shard was read to its end.
	Ended bool
	// Behind is the distance from the shard's tip, and At when that was so: a shard whose At grows
	// old is not being read.
	Behind time.Duration
	At     time.Time
	// Holes counts the shard's open holes.
	Holes int
}

// Lag is the distance from the shard's tip by now, at least. A reader says where it is twice in a
// lease and more often; after a longer silence nobody reads, and the time since then counts too.
func (s ShardStatus) Lag(now time.Time, lease time.Duration) time.Duration {
	lag := max(s.Behind, 0)
	if silent := now.Sub(s.At); !s.Ended && !s.At.IsZero() && silent > lease/2 {
		lag += silent
	}
	return lag
}

// Checkpoint is how far a consumer has come in a shard: Sequence is "" where it has saved nothing
// yet.
type Checkpoint struct {
	Sequence string
	// Ended says that the shard was read to its end.
	Ended bool
	// Created is the stream's creation, which tells the shard from one of an earlier stream.
	Created time.Time
}

// Checkpoints reads how far a consumer has come in each shard that it has a lease for.
func Checkpoints(ctx context.Context, t table.Table, streamName, consumer string) (map[string]Checkpoint, error) {
	leases, err := leasesOf(t, streamName, consumer).list(ctx)
	if err != nil {
		return nil, err
	}
	at := make(map[string]Checkpoint, len(leases))
	for id, l := range leases {
		c := Checkpoint{Sequence: l.checkpoint, Ended: l.ended(), Created: time.Unix(l.created, 0).UTC()}
		if c.Ended {
			c.Sequence = ""
		}
		at[id] = c
	}
	return at, nil
}

// Status tells of every shard that a consumer has a lease for, in the order of their ids. A shard
// that the stream has just begun is added by the first worker that sees it.
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
		status := ShardStatus{Shard: id, Owner: l.owner, Checkpoint: l.checkpoint, Ended: l.ended(), Behind: l.behind, At: l.at, Holes: open[id]}
		if status.Ended {
			status.Checkpoint, status.Behind = "", 0
		}
		list = append(list, status)
	}
	slices.SortFunc(list, func(a, b ShardStatus) int { return cmp.Compare(a.Shard, b.Shard) })
	return list, nil
}
