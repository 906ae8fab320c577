package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/table"
)

// AwaitStopped waits until no worker holds a lease of a consumer: each gave its leases up, or has
// not written them for a whole lease, which is DefaultLease where length is 0. It looks at the
// leases at least once in each interval.
func AwaitStopped(ctx context.Context, t table.Table, streamName, consumer string, length, interval time.Duration) error {
	if length <= 0 {
		length = DefaultLease
	}
	leases := leasesOf(t, streamName, consumer)
	seen := sightings{}
	for {
		all, err := leases.list(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		seen.observe(all, now)
		held := false
		for shard, l := range all {
			held = held || l.owner != "" && seen.still(shard, now) < length
		}
		if !held {
			return nil
		}
		if err := backoff.Sleep(ctx, min(length/4, interval)); err != nil {
			return fmt.Errorf("wait for the workers of %s: %w", consumer, err)
		}
	}
}

// Forget deletes the holes and the leases of a consumer that no worker runs any more.
func Forget(ctx context.Context, t table.Table, streamName, consumer string) error {
	for _, pk := range []string{holesKey(streamName, consumer), leasesOf(t, streamName, consumer).pk} {
		q := table.Query{Table: control.Name, PK: pk, Consistent: true}
		for {
			page, err := t.Query(ctx, q)
			if err != nil {
				return fmt.Errorf("list %s: %w", pk, err)
			}
			for _, row := range page.Rows {
				err := t.Delete(ctx, control.Name, row.Key, table.Equals("epoch", row.Attrs["epoch"]))
				if err != nil && !errors.Is(err, table.ErrConditionFailed) {
					return fmt.Errorf("delete %s: %w", pk, err)
				}
			}
			if q.After = page.After; q.After == "" {
				break
			}
		}
	}
	return nil
}
