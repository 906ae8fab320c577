package replay

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// Discard ends a generation that is not live and deletes everything of it, the progress of its
// rebuild too. What it waits for and refuses is consumer.Discard's. Interrupted, it is called
// again, with the generation that GenerationSet.Discarding names.
func Discard(ctx context.Context, d consumer.Discarding) error {
	err := dropMarks(ctx, d.Table, consumer.Name(d.Model, d.Generation))
	if err != nil {
		return err
	}
	return consumer.Discard(ctx, d)
}

// dropMarks forgets how far a job came. It comes before all else, as long as the generation is
// named and can be discarded again; a rebuild that goes on without them folds once more what its
// rows have, which changes nothing.
func dropMarks(ctx context.Context, t table.Table, job string) error {
	m, err := loadMarks(ctx, t, job)
	if err != nil {
		return err
	}
	for source, mark := range m.rows {
		key := table.Key{PK: m.pk(), SK: source}
		err = t.Delete(ctx, journal.Control, key, table.Equals("rev", table.N(mark.rev)))
		if err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return fmt.Errorf("delete progress of %s: %w", job, err)
		}
	}
	return nil
}
