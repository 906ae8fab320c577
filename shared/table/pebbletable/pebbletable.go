package pebbletable

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// Table implements table.Table. Several may be open on one DB, and see each other's writes.
type Table struct {
	db      *embedded.DB
	catalog *table.Catalog
	memory  *memory
}

// memory is what all handles on one database know of stored rows.
type memory struct {
	recent *recent
	newest *newest
	stamps *stamps
}

// newMemory returns a memory of so many bytes: three fifths are for rows.
func newMemory(most int) *memory {
	return &memory{recent: newRecent(most / 5 * 3), newest: newNewest(most / 5 * 2), stamps: newStamps()}
}

var _ table.Table = (*Table)(nil)

// New opens the tables, which need not be created before. It fails with table.ErrInvalid for a bad
// schema.
func New(db *embedded.DB, schemas ...table.Schema) (*Table, error) {
	catalog, err := table.NewCatalog(schemas...)
	if err != nil {
		return nil, fmt.Errorf("open tables: %w", err)
	}
	known := db.Shared(embedded.TableSpace, func() any { return newMemory(int(db.StoredBytes())) })
	return &Table{db: db, catalog: catalog, memory: known.(*memory)}, nil
}

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, name string, key table.Key, _ bool) (table.Row, error) {
	if err := ctx.Err(); err != nil {
		return table.Row{}, err
	}
	if err := t.catalog.CheckKey(name, key); err != nil {
		return table.Row{}, err
	}
	view, err := t.db.View()
	if err != nil {
		return table.Row{}, err
	}
	defer t.db.Release(view)
	var room [128]byte
	row := table.Row{Key: key}
	found, err := view.Get(appendRowKey(room[:0], name, key), func(value []byte) error {
		row.Attrs, err = decodeRow(value)
		return err
	})
	switch {
	case err != nil:
		return table.Row{}, fmt.Errorf("get row of %s: %w", name, err)
	case !found:
		return table.Row{}, table.ErrNotFound
	}
	return row, nil
}

// Put implements table.Table.
func (t *Table) Put(ctx context.Context, p table.Put) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.catalog.CheckPut(p); err != nil {
		return err
	}
	return t.writeEach(ctx, []change{t.changeOf(&p, rowKey(p.Table, p.Row.Key))})[0]
}

// Delete implements table.Table.
func (t *Table) Delete(ctx context.Context, name string, key table.Key, cond table.Condition) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.catalog.CheckDelete(name, key, cond); err != nil {
		return err
	}
	c := t.changeOf(&table.Put{Table: name, Row: table.Row{Key: key}, If: cond}, rowKey(name, key))
	c.row = nil
	return t.writeEach(ctx, []change{c})[0]
}

// Transact implements table.Table. Two transactions of one row run one after the other: there is no
// ErrConflict here.
func (t *Table) Transact(ctx context.Context, puts []table.Put) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.catalog.CheckTransact(puts); err != nil {
		return err
	}
	changes, keys := make([]change, len(puts)), newRowKeys(puts)
	for i := range puts {
		changes[i] = t.changeOf(&puts[i], keys.next(&puts[i]))
	}
	return t.writeAll(ctx, changes)
}

// Skew implements table.Table. It is 0: the store's clock is this machine's.
func (t *Table) Skew() time.Duration { return 0 }
