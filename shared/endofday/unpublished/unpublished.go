package unpublished

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/journal/writertail"
	"passbook/shared/table"
	"passbook/shared/writer"
)

// Before returns "" if the stream has every entry that was recorded before a time, or names a
// writer of which it does not. A dead writer counts as published after the first whole pass over
// what it left.
func Before(ctx context.Context, t table.Table, before time.Time) (behind string, err error) {
	rows, err := writer.List(ctx, t)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if row.State == writer.Draining && row.Pass > 0 {
			continue
		}
		for e, err := range writertail.Read(ctx, t, row.ID, row.Published, func(int64) bool { return false }) {
			if err != nil {
				return "", fmt.Errorf("what writer %s has not published: %w", row.ID, err)
			}
			if e.RecordedAt.Before(before) {
				return fmt.Sprintf("%s v%d was recorded at %s, and its writer %s has not put it on the stream", e.Account(), e.First, e.RecordedAt.Format(time.RFC3339), row.ID), nil
			}
		}
	}
	return "", nil
}
