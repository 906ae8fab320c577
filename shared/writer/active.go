package writer

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/table"
)

// Active reports whether any process writes to the journal: whether a writer's heartbeat moves.
// Where a writer is registered at all, it watches for a lease, after which a writer that was cut
// off begins no further entry in its session. It is for jobs that need a journal that does not
// change. It is no lock: a writer may start a moment later, and one that was cut off and is still
// running repeats, when it can reach the table again, the put that got no answer.
func Active(ctx context.Context, t table.Table, lease time.Duration) (bool, error) {
	var watch control.Watch
	live, err := observe(ctx, t, &watch)
	if err != nil || len(live) == 0 {
		return false, err
	}
	if err := backoff.Sleep(ctx, lease); err != nil {
		return false, fmt.Errorf("watch the writers: %w", err)
	}
	live, err = observe(ctx, t, &watch)
	if err != nil {
		return false, err
	}
	now := time.Now()
	for id := range live {
		if watch.Silent(id, now) < lease {
			return true, nil
		}
	}
	return false, nil
}

// observe notes the heartbeats of the live writers and returns them.
func observe(ctx context.Context, t table.Table, watch *control.Watch) (live map[string]int64, err error) {
	rows, err := List(ctx, t)
	if err != nil {
		return nil, err
	}
	live = make(map[string]int64)
	for _, r := range rows {
		if r.State == Live {
			live[r.ID] = r.Epoch
		}
	}
	watch.Observe(live, time.Now())
	return live, nil
}
