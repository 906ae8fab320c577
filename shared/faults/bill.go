package faults

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"passbook/shared/table"
)

const (
	// writeUnit and readUnit are the bytes that one unit of DynamoDB writes and reads.
	writeUnit = 1 << 10
	readUnit  = 4 << 10
)

// units returns how many units a size takes: at least one, also for a missing row.
func units(size, unit int) float64 { return float64(max(1, (size+unit-1)/unit)) }

// change is a row to replace, or to remove where is is nil.
type change struct {
	table   string
	at      table.Key
	was, is *table.Row
}

// read sets was to the row in place. No process pays for it.
func (c *change) read(ctx context.Context, from table.Table) error {
	row, err := from.Get(ctx, c.table, c.at, true)
	switch {
	case errors.Is(err, table.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read the row in place: %w", err)
	}
	c.was = &row
	return nil
}

func size(r *table.Row) int {
	if r == nil {
		return 0
	}
	return table.Size(*r)
}

// item is a line of a bill: units of a table's partition, or of an index's.
type item struct {
	kind   Kind
	name   string
	charge charge
}

// bill is the cost of a write.
type bill []item

// charges returns the charges of the items, multiplied by a factor.
func (b bill) charges(factor float64) []charge {
	charges := make([]charge, len(b))
	for i, it := range b {
		charges[i] = it.charge
		charges[i].units *= factor
	}
	return charges
}

func (b bill) count(m *Meter) {
	for _, it := range b {
		m.count(it.kind, it.name, it.charge.units)
		if it.kind == WriteUnits {
			m.count(Writes, it.name, 1)
		}
	}
}

// bill returns what the changes cost when they are made: the larger of the old and the new row,
// twice in a transaction, and the changed entries of indexes.
func (t *LimitedTables) bill(changes []change) (b bill, err error) {
	for _, c := range changes {
		schema, err := t.catalog.Table(c.table)
		if err != nil {
			return nil, err
		}
		b = append(b, t.item(c, max(size(c.was), size(c.is)), len(changes) > 1))
		for _, x := range schema.Indexes {
			before, after := entryOf(x, c.was), entryOf(x, c.is)
			if reflect.DeepEqual(before, after) {
				continue
			}
			// An entry whose key changes is removed and put.
			for _, e := range []*entry{before, after} {
				if e == nil {
					continue
				}
				name := c.table + "/" + x.Name
				n := units(e.size, writeUnit)
				b = append(b, item{IndexUnits, name, charge{name + "/" + string(e.pk), t.limits.PartitionWrites, n}})
			}
		}
	}
	return b, nil
}

// failedBill returns what the changes cost when a condition failed: the rows in place, at least one
// unit each, and nothing in an index.
func (t *LimitedTables) failedBill(changes []change) (b bill) {
	for _, c := range changes {
		b = append(b, t.item(c, size(c.was), len(changes) > 1))
	}
	return b
}

// item returns the charge for a row of the table.
func (t *LimitedTables) item(c change, bytes int, together bool) item {
	n := units(bytes, writeUnit)
	if together {
		n *= 2
	}
	return item{WriteUnits, c.table, charge{c.table + "/" + c.at.PK, t.limits.PartitionWrites, n}}
}

// entry is a row's place in an index.
type entry struct {
	pk   table.S
	sk   table.Value
	size int
}

// entryOf returns the row's entry in the index, nil where it has none. An entry consists of the
// keys of both.
func entryOf(x table.Index, r *table.Row) *entry {
	if r == nil {
		return nil
	}
	pk, ok := r.Attrs[x.PK].(table.S)
	if !ok {
		return nil
	}
	keys := table.Row{Key: r.Key, Attrs: table.Map{x.PK: pk}}
	if x.SK == "pk" {
		return &entry{pk, table.S(r.PK), table.Size(keys)}
	}
	sk, ok := r.Attrs[x.SK]
	if !ok {
		return nil
	}
	keys.Attrs[x.SK] = sk
	return &entry{pk, sk, table.Size(keys)}
}
