package delivery

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/table"
	"passbook/shared/webhook"
)

// cleanMost bounds the rows of an endpoint that are removed at once.
const cleanMost = 500

// clean removes rows of endpoints that were removed, and then the endpoints' own.
func (d *Deliverer) clean(ctx context.Context, set *webhook.Set) {
	for _, e := range set.Removed() {
		left, err := d.store.removeSome(ctx, e.ID)
		if err == nil && !left {
			err = d.config.Registry.Forget(ctx, e)
		}
		if err != nil && ctx.Err() == nil {
			d.failed("the rows of a removed endpoint could not be removed", err)
		}
	}
}

// removeSome removes up to cleanMost rows of an endpoint, and reports whether there may be more.
func (s *Store) removeSome(ctx context.Context, endpoint string) (left bool, err error) {
	removed := 0
	for _, state := range []State{Pending, Delivered, Dead} {
		q := table.Query{Table: Table, Index: indexState, PK: listed(endpoint, state), Limit: pageMost}
		for item, err := range table.Rows(ctx, s.table, q) {
			if err != nil {
				return true, fmt.Errorf("list the deliveries to %s: %w", endpoint, err)
			}
			if removed++; removed > cleanMost {
				return true, nil
			}
			_, a, ok := parseKey(item.PK)
			if !ok {
				continue
			}
			row, err := s.get(ctx, endpoint, a)
			if err != nil {
				return true, err
			}
			err = s.table.Delete(ctx, Table, item.Key, table.Equals("rev", table.N(row.Rev)))
			if err != nil && !errors.Is(err, table.ErrConditionFailed) {
				return true, fmt.Errorf("remove the delivery of %s to %s: %w", a, endpoint, err)
			}
		}
	}
	return removed > 0, nil
}
