package journal

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/table"
)

// signOfLife is how long a live writer's row stands still at most, where the table answers.
const signOfLife = 3 * heartbeatEvery

// Writing says whether any process writes to the journal: whether a writer's heartbeat moves. It watches for 3 s where a writer is
// registered at all. For jobs that need writers to stand still; it is no lock, and a writer may start a moment later.
func Writing(ctx context.Context, t table.Table) (bool, error) {
	before, err := heartbeats(ctx, t)
	if err != nil || len(before) == 0 {
		return false, err
	}
	timer := time.NewTimer(signOfLife)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false, fmt.Errorf("watch the writers: %w", ctx.Err())
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
	q := table.Query{Table: Control, PK: WriterKind, Consistent: true}
	for {
		page, err := t.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read writers: %w", err)
		}
		for _, row := range page.Rows {
			if epoch, ok := row.Attrs["epoch"].(table.N); ok && row.Attrs["state"] == table.S(WriterLive) {
				epochs[row.SK] = epoch
			}
		}
		if q.After = page.After; q.After == "" {
			return epochs, nil
		}
	}
}
