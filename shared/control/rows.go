package control

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"passbook/shared/table"
)

// Rows is one partition of the control table, whose rows are of one kind. Reads are consistent,
// writes conditional on the version that the row was read at. Errors of Get, Put and Delete are the
// table's. It is safe for concurrent use.
type Rows struct {
	table table.Table
	// partition is the rows' partition key, and version the attribute that is their version.
	partition, version string
}

// Partition returns the rows' partition key.
func (r Rows) Partition() string { return r.partition }

// Revision returns a counter as the version of a row; of 0, that there is no row.
func Revision(n int64) table.Value {
	if n == 0 {
		return nil
	}
	return table.N(n)
}

// Version returns the version that a row was read at.
func (r Rows) Version(row table.Row) table.Value { return row.Attrs[r.version] }

// Get returns the row with a sort key, or table.ErrNotFound.
func (r Rows) Get(ctx context.Context, key string) (table.Row, error) {
	return r.table.Get(ctx, Name, table.Key{PK: r.partition, SK: key}, true)
}

// Create returns the put of a row over none, for a transaction.
func (r Rows) Create(key string, attrs table.Map) table.Put {
	return table.Put{Table: Name, Row: table.Row{Key: table.Key{PK: r.partition, SK: key}, Attrs: attrs}, If: table.Absent()}
}

// Over returns the put of a row over that of version was, or, where was is nil, over none, for a
// transaction.
func (r Rows) Over(key string, attrs table.Map, was table.Value) table.Put {
	put := r.Create(key, attrs)
	if was != nil {
		put.If = table.Equals(r.version, was)
	}
	return put
}

// Put writes a row over that of version was, or, where was is nil, over none. It fails with
// table.ErrConditionFailed when the row is at another version.
func (r Rows) Put(ctx context.Context, key string, attrs table.Map, was table.Value) error {
	return r.table.Put(ctx, r.Over(key, attrs, was))
}

// Delete removes the row of version was. It fails with table.ErrConditionFailed when the row is at
// another version, or is not there.
func (r Rows) Delete(ctx context.Context, key string, was table.Value) error {
	return r.table.Delete(ctx, Name, table.Key{PK: r.partition, SK: key}, table.Equals(r.version, was))
}

// Page returns a page of the rows in the order of their keys: the first, or the one that follows
// the page whose After is after.
func (r Rows) Page(ctx context.Context, after string) (table.Page, error) {
	page, err := r.table.Query(ctx, table.Query{Table: Name, PK: r.partition, After: after, Consistent: true})
	if err != nil {
		return table.Page{}, fmt.Errorf("list %s: %w", r.partition, err)
	}
	return page, nil
}

// Range returns up to limit rows whose keys are from one to another, both inclusive and empty for
// no bound: in the order of their keys, or of newest the other way round. There may be more.
func (r Rows) Range(ctx context.Context, from, to string, newest bool, limit int) ([]table.Row, error) {
	q := table.Query{Table: Name, PK: r.partition, Desc: newest, Limit: limit, Consistent: true}
	if from != "" {
		q.From = table.S(from)
	}
	if to != "" {
		q.To = table.S(to)
	}
	var rows []table.Row
	for row, err := range table.Rows(ctx, r.table, q) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", r.partition, err)
		}
		if rows = append(rows, row); len(rows) == limit {
			break
		}
	}
	return rows, nil
}

// List yields all rows in the order of their keys, and an error as the last element.
func (r Rows) List(ctx context.Context) iter.Seq2[table.Row, error] {
	return r.list(ctx, table.Query{})
}

// Under yields the rows whose keys are a prefix and further printable ASCII characters, otherwise
// as List.
func (r Rows) Under(ctx context.Context, prefix string) iter.Seq2[table.Row, error] {
	return r.list(ctx, table.Query{From: table.S(prefix), To: table.S(prefix + "~")})
}

func (r Rows) list(ctx context.Context, q table.Query) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		q.Table, q.PK, q.Consistent = Name, r.partition, true
		for row, err := range table.Rows(ctx, r.table, q) {
			if err != nil {
				err = fmt.Errorf("list %s: %w", r.partition, err)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// Clear removes all rows, except those that somebody writes after they were listed.
func (r Rows) Clear(ctx context.Context) error {
	for row, err := range r.List(ctx) {
		if err != nil {
			return err
		}
		err = r.Delete(ctx, row.SK, r.Version(row))
		if err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return fmt.Errorf("delete %s %s: %w", row.PK, row.SK, err)
		}
	}
	return nil
}
