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
			changes, places = append(changes, t.changeOf(&puts[i], nil)), append(places, i)
		}
	}
	if len(changes) == 0 {
		return
	}
	for i, err := range t.writeEach(ctx, changes) {
		outcomes[places[i]] = err
	}
}
