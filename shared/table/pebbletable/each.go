package pebbletable

import (
	"context"

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
	w := each{table: t, outcomes: make([]error, len(puts)), changes: make([]change, 0, len(puts)), places: make([]int, 0, len(puts)), keys: newRowKeys(puts)}
	for i := range puts {
		err := ctx.Err()
		size := 0
		if err == nil {
			size, err = t.catalog.MeasurePut(&puts[i])
		}
		if err != nil {
			w.outcomes[i] = err
			continue
		}
		if w.size+size > eachBytes {
			w.write(ctx)
		}
		w.add(i, &puts[i], size)
	}
	w.write(ctx)
	return w.outcomes
}

// each is a PutEach: the outcomes so far, and the changes of the next commit.
type each struct {
	table    *Table
	outcomes []error
	changes  []change
	// places are the indexes of the changes' puts, size is that of their rows.
	places []int
	size   int
	keys   rowKeys
}

// add adds the change of a put that was checked.
func (w *each) add(place int, p *table.Put, size int) {
	w.changes = append(w.changes, w.table.changeOf(p, w.keys.next(p)))
	w.places = append(w.places, place)
	w.size += size
}

// write commits the changes, if there are any, and sets their outcomes. The next changes get other
// room: a commit whose caller did not wait for it still uses these.
func (w *each) write(ctx context.Context) {
	if len(w.changes) == 0 {
		return
	}
	for i, err := range w.table.writeEach(ctx, w.changes) {
		w.outcomes[w.places[i]] = err
	}
	w.changes, w.places, w.size = w.changes[len(w.changes):], w.places[:0], 0
}
