package pebbletable

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// scratchBytes is space for a usual row.
const scratchBytes = 1 << 10

// writing is changes on their way to the disk. Their keys are locked from the check of the
// conditions until the commit is durable, so that the next check sees it.
type writing struct {
	table   *Table
	changes []change
	lock    *embedded.Lock
	batch   *pebble.Batch
	// scratch is space for what is copied into the batch, kept for what memory keeps of the rows.
	scratch, kept []byte
}

// begin locks the keys of the changes.
func (t *Table) begin(ctx context.Context, changes []change) (*writing, error) {
	var one [1][]byte
	keys := one[:0]
	if len(changes) > 1 {
		keys = make([][]byte, 0, len(changes))
	}
	for i := range changes {
		keys = append(keys, changes[i].key)
	}
	lock, err := t.db.LockKeys(ctx, keys...)
	if err != nil {
		return nil, err
	}
	return &writing{table: t, changes: changes, lock: lock, batch: t.db.NewBatch(), scratch: make([]byte, 0, scratchBytes)}, nil
}

// writeEach checks each condition, commits the changes whose conditions are met, and returns the
// outcome of each.
func (t *Table) writeEach(ctx context.Context, changes []change) []error {
	w, err := t.begin(ctx, changes)
	if err != nil {
		return table.Outcomes(len(changes), err)
	}
	outcomes := make([]error, len(changes))
	err = w.plan(func(i int, met bool, err error) bool {
		if outcomes[i] = err; err == nil && !met {
			outcomes[i] = table.ErrConditionFailed
		}
		return true
	})
	if err == nil && w.batch.Empty() {
		w.end()
		return outcomes
	}
	if err == nil {
		err = w.commit(ctx)
	} else {
		w.end()
	}
	for i := range outcomes {
		if outcomes[i] == nil {
			outcomes[i] = err
		}
	}
	return outcomes
}

// writeAll checks the conditions and commits all changes or none. A failed condition is a
// *table.TransactError.
func (t *Table) writeAll(ctx context.Context, changes []change) error {
	w, err := t.begin(ctx, changes)
	if err != nil {
		return err
	}
	var failed error
	err = w.plan(func(i int, met bool, err error) bool {
		if failed = err; err == nil && !met {
			failed = &table.TransactError{Index: i}
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		w.end()
		return err
	}
	return w.commit(ctx)
}

// plan plans the changes in their order, until outcome returns false.
func (w *writing) plan(outcome func(i int, met bool, err error) bool) error {
	w.table.recall(w.changes)
	view, err := w.table.db.View()
	if err != nil {
		return err
	}
	defer w.table.db.Release(view)
	for i := range w.changes {
		if met, err := w.planOne(view, &w.changes[i]); !outcome(i, met, err) {
			break
		}
	}
	return nil
}

// commit makes the batch durable. It ends the writing, at the latest when the outcome is known.
func (w *writing) commit(ctx context.Context) error {
	stamps := w.table.memory.stamps
	stamps.begin(w.changes)
	return w.table.db.Commit(ctx, embedded.Write{
		Stage: func(group *pebble.Batch) error { return group.Apply(w.batch, nil) },
		Done: func(err error) {
			stamps.end(w.changes)
			w.table.remember(w.changes, err)
			w.end()
		},
	})
}

// end unlocks the keys.
func (w *writing) end() {
	w.lock.Unlock()
	// Closing a batch only frees its memory.
	_ = w.batch.Close()
}
