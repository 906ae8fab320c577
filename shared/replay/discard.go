package replay

import (
	"context"
	"fmt"

	"passbook/shared/control"
	"passbook/shared/readmodel"
)

// Discard ends a generation that is not live and deletes everything of it, the progress of its
// rebuild too. What it waits for and refuses is readmodel.Discard's. Interrupted, it is called
// again, with the generation that GenerationSet.Discarding names.
func Discard(ctx context.Context, d readmodel.DiscardConfig) error {
	// The progress goes first, while the generation has its name and can be discarded again. A
	// rebuild that continues without it folds once more what its rows have, which changes nothing.
	job := readmodel.Name(d.Model, d.Generation)
	if err := control.Progress(d.Table, job).Clear(ctx); err != nil {
		return fmt.Errorf("delete progress of %s: %w", job, err)
	}
	return readmodel.Discard(ctx, d)
}
