package replay

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// Discard ends a generation that is not live and deletes everything of it, the progress of its rebuild too. What it waits for and
// refuses is consumer.Discard's.
func Discard(ctx context.Context, d consumer.Discarding) error {
	err := consumer.Discard(ctx, d)
	if err != nil {
		return err
	}
	job := consumer.Name(d.Model, d.Generation)
	m, err := loadMarks(ctx, d.Table, job)
	if err != nil {
		return err
	}
	for source, mark := range m.rows {
		key := table.Key{PK: m.pk(), SK: source}
		err = d.Table.Delete(ctx, journal.Control, key, table.Equals("rev", table.N(mark.rev)))
		if err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return fmt.Errorf("delete progress of %s: %w", job, err)
		}
	}
	return nil
}
