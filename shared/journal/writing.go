package journal

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/table"
)

// Writing says whether any process writes to the journal: whether a writer's heartbeat moves. Where
// a writer is registered at all, it watches for a lease, after which one that was cut off begins no
// further entry under its id. For jobs that need writers to stand still; it is no lock: a writer
// may start a moment later, and one that is cut off and not ended repeats, when the way is free
// again, the put that got no answer.
func Writing(ctx context.Context, t table.Table, lease time.Duration) (bool, error) {
	before, err := heartbeats(ctx, t)
	if err != nil || len(before) == 0 {
		return false, err
	}
	if err := backoff.Sleep(ctx, lease); err != nil {
		return false, fmt.Errorf("watch the writers: %w", err)
	}
	after, err := heartbeats(ctx, t)
	if err != nil {
		return false, err
	}
	for id, epoch := range after {
		if was, known := before[id]; !known || was != epoch {
			return true, nil
		}
	}
	return false, nil
}

// heartbeats reads the counters of the writers that call themselves live.
func heartbeats(ctx context.Context, t table.Table) (map[string]table.N, error) {
	epochs := make(map[string]table.N)
	err := writerRows(ctx, t, func(row table.Row) {
		if epoch, ok := row.Attrs["epoch"].(table.N); ok && row.Attrs["state"] == table.S(WriterLive) {
			epochs[row.SK] = epoch
		}
	})
	return epochs, err
}
