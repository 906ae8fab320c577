package derived

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/backoff"
	"passbook/shared/table"
)

// ExpiryAttr is the attribute of a row of the index after whose time, in seconds since 1970, the
// row may be deleted. DynamoDB does so by itself, where it is the table's time to live.
const ExpiryAttr = "ttl"

const (
	// firstSweep is how long after the start the first pass begins, and sweepEvery the time between
	// two passes. A row therefore stays a day longer than Retention at most.
	firstSweep = 10 * time.Minute
	sweepEvery = 24 * time.Hour
	// sweepPause is the time between two pages of a pass, of table.MaxPageBytes each: a pass leaves
	// most of the machine to others, and takes about a minute for five million rows.
	sweepPause = 100 * time.Millisecond
	// pageTimeout bounds a page and its deletions.
	pageTimeout = time.Minute
)

// Sweeper deletes the rows of the index that have expired, of all generations, where the table does
// not do so.
type Sweeper struct {
	Table table.Table
	Now   func() time.Time
	Log   *slog.Logger
}

// Run makes a pass every day until ctx ends. A pass that fails is logged, and the next one is made.
func (s Sweeper) Run(ctx context.Context) {
	for wait := firstSweep; backoff.Sleep(ctx, wait) == nil; wait = sweepEvery {
		deleted, err := s.Pass(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.Log.Warn("expired rows of the index of events could not all be deleted; the next pass is made in a day", "deleted", deleted, "error", err)
		case deleted > 0:
			s.Log.Info("expired rows of the index of events are deleted", "rows", deleted)
		}
	}
}

// Pass reads the table once, a page at a time, and deletes the rows that have expired. It returns
// how many it deleted.
func (s Sweeper) Pass(ctx context.Context) (deleted int64, err error) {
	for after := ""; ; {
		n, next, err := s.page(ctx, after)
		if deleted += n; err != nil || next == "" {
			return deleted, err
		}
		if err := backoff.Sleep(ctx, sweepPause); err != nil {
			return deleted, err
		}
		after = next
	}
}

// page deletes the rows of a page that have expired.
func (s Sweeper) page(ctx context.Context, after string) (deleted int64, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	page, err := s.Table.Scan(ctx, table.Scan{Table: Table, Of: 1, After: after})
	if err != nil {
		return 0, "", fmt.Errorf("scan %s: %w", Table, err)
	}
	now := s.Now().Unix()
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(readParallel)
	for _, row := range page.Rows {
		expiry, unchanged := expiryOf(row)
		if expiry == 0 || expiry >= now {
			continue
		}
		deleted++
		group.Go(func() error {
			err := s.Table.Delete(within, Table, row.Key, unchanged)
			if err != nil && !errors.Is(err, table.ErrConditionFailed) {
				return fmt.Errorf("delete %s %s: %w", row.PK, row.SK, err)
			}
			return nil
		})
	}
	return deleted, page.After, group.Wait()
}

// expiryOf returns when a row of the index expires, and the condition that it is still that row; 0
// for any other row. Rows of an earlier release have no such attribute.
func expiryOf(row table.Row) (int64, table.Condition) {
	if expiry := row.Attrs.Number(ExpiryAttr); expiry != 0 {
		return expiry, table.Equals(ExpiryAttr, table.N(expiry))
	}
	p, ok := parsePlace(row.SK)
	if !ok {
		return 0, table.Condition{}
	}
	return p.at.Add(Retention).Unix(), table.Equals("format", table.N(rowFormat))
}
