package pebbletable

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

const (
	// together is how many puts share a commit at about the cost of one: an fsync costs as much as
	// some hundred rows.
	together = 512
	// eachBytes is the most bytes of rows in one commit of a PutEach, unless it is of one row: a
	// call with large rows does not stage all of them at once.
	eachBytes = 4 << 20
)

// Together implements table.Table.
func (t *Table) Together() int { return together }

// PutEach implements table.Table. All puts whose conditions are true share one commit, or one for
// each eachBytes of them.
func (t *Table) PutEach(ctx context.Context, puts []table.Put) []error {
	if err := table.CheckEach(puts); err != nil {
		return table.Outcomes(len(puts), err)
	}
	outcomes := make([]error, len(puts))
	for begin := 0; begin < len(puts); {
		end, size := begin, 0
		for end < len(puts) {
			if size += table.Size(puts[end].Row); size > eachBytes && end > begin {
				break
			}
			end++
		}
		t.putEach(ctx, puts[begin:end], outcomes[begin:end])
		begin = end
	}
	return outcomes
}

// putEach makes the puts of one commit, and sets their outcomes.
func (t *Table) putEach(ctx context.Context, puts []table.Put, outcomes []error) {
	err := ctx.Err()
	changes, places := make([]change, 0, len(puts)), make([]int, 0, len(puts))
	for i := range puts {
		if outcomes[i] = err; err == nil {
			outcomes[i] = t.catalog.CheckPut(puts[i])
		}
		if outcomes[i] == nil {
			changes, places = append(changes, changeOf(&puts[i], nil)), append(places, i)
		}
	}
	if len(changes) == 0 {
		return
	}
	for i, err := range t.writeEach(ctx, changes) {
		outcomes[places[i]] = err
	}
}

// writeEach checks each condition, commits the changes whose conditions are met, and returns the
// outcome of each. It keeps the keys locked until the commit is durable, as writeAll does.
func (t *Table) writeEach(ctx context.Context, changes []change) []error {
	keys := make([][]byte, len(changes))
	for i := range changes {
		keys[i] = changes[i].key
	}
	lock, err := t.db.LockKeys(ctx, keys...)
	if err != nil {
		return table.Outcomes(len(changes), err)
	}
	batch := t.db.NewBatch()
	release := func() {
		lock.Unlock()
		// Closing a batch only frees its memory.
		_ = batch.Close()
	}
	outcomes, err := t.planEach(batch, changes)
	if err != nil || batch.Empty() {
		release()
		return outcomes
	}
	err = t.db.Commit(ctx, embedded.Write{
		Stage: func(group *pebble.Batch) error { return group.Apply(batch, nil) },
		Done: func(err error) {
			t.remember(changes, err)
			release()
		},
	})
	for i := range outcomes {
		if outcomes[i] == nil {
			outcomes[i] = err
		}
	}
	return outcomes
}

// planEach adds the changes whose conditions are met to the batch, and returns the outcomes of the
// others. With an error, which all outcomes have, the batch is of no use.
func (t *Table) planEach(batch *pebble.Batch, changes []change) ([]error, error) {
	view, err := t.db.View()
	if err != nil {
		return table.Outcomes(len(changes), err), err
	}
	defer t.db.Release(view)
	outcomes := make([]error, len(changes))
	for i := range changes {
		met, err := t.apply(view, batch, &changes[i])
		if outcomes[i] = err; err == nil && !met {
			outcomes[i] = table.ErrConditionFailed
		}
	}
	return outcomes, nil
}
