package pebbletable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// Table implements table.Table. Several may be open on one DB, and see each other's writes.
type Table struct {
	db      *embedded.DB
	catalog *table.Catalog
	recent  *recent
}

var _ table.Table = (*Table)(nil)

// New opens the tables, which need not be created before. It fails with table.ErrInvalid for a bad
// schema.
func New(db *embedded.DB, schemas ...table.Schema) (*Table, error) {
	catalog, err := table.NewCatalog(schemas...)
	if err != nil {
		return nil, fmt.Errorf("open tables: %w", err)
	}
	return &Table{db: db, catalog: catalog, recent: db.Shared(embedded.TableSpace, newRecent).(*recent)}, nil
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
	var room [128]byte
	return t.write(ctx, changeOf(&p, room[:0]))
}

// Delete implements table.Table.
func (t *Table) Delete(ctx context.Context, name string, key table.Key, cond table.Condition) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.catalog.CheckDelete(name, key, cond); err != nil {
		return err
	}
	return t.write(ctx, change{table: name, at: key, key: appendRowKey(nil, name, key), cond: cond})
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
	changes := make([]change, len(puts))
	for i := range puts {
		changes[i] = changeOf(&puts[i], nil)
	}
	return t.writeAll(ctx, changes)
}

// Skew implements table.Table. It is 0: the store's clock is this machine's.
func (t *Table) Skew() time.Duration { return 0 }

// change is one row to replace, or to remove where row is nil.
type change struct {
	table string
	at    table.Key
	key   []byte
	row   *table.Row
	cond  table.Condition
	// stored is the encoded row, if it is to be cached.
	stored []byte
}

// changeOf returns the change of a put. The key is appended to room.
func changeOf(p *table.Put, room []byte) change {
	return change{table: p.Table, at: p.Row.Key, key: appendRowKey(room, p.Table, p.Row.Key), row: &p.Row, cond: p.If}
}

// write makes one change, whose failed condition is a plain ErrConditionFailed.
func (t *Table) write(ctx context.Context, c change) error {
	err := t.writeAll(ctx, []change{c})
	if errors.Is(err, table.ErrConditionFailed) {
		return table.ErrConditionFailed
	}
	return err
}

// writeAll checks the conditions and commits all changes or none. It keeps the keys locked until
// the commit is durable, so that the next check sees it. A failed condition is a
// *table.TransactError.
func (t *Table) writeAll(ctx context.Context, changes []change) error {
	keys := make([][]byte, len(changes))
	for i := range changes {
		keys[i] = changes[i].key
	}
	lock, err := t.db.LockKeys(ctx, keys...)
	if err != nil {
		return err
	}
	batch := t.db.NewBatch()
	if err := t.plan(batch, changes); err != nil {
		lock.Unlock()
		// Closing a batch only frees its memory.
		_ = batch.Close()
		return err
	}
	return t.db.Commit(ctx, embedded.Write{
		Stage: func(group *pebble.Batch) error { return group.Apply(batch, nil) },
		Done: func(err error) {
			t.remember(changes, err)
			lock.Unlock()
			_ = batch.Close()
		},
	})
}

// remember caches the rows that were replaced. After a failed commit their stored state is unknown,
// so it removes them from the cache.
func (t *Table) remember(changes []change, err error) {
	for i := range changes {
		if c := &changes[i]; err != nil || c.row == nil {
			t.recent.put(c.key, nil)
		} else if c.stored != nil {
			t.recent.put(c.key, c.stored)
		}
	}
}

// plan checks every condition and adds the changes to the batch.
func (t *Table) plan(batch *pebble.Batch, changes []change) error {
	view, err := t.db.View()
	if err != nil {
		return err
	}
	defer t.db.Release(view)
	for i := range changes {
		switch met, err := t.apply(view, batch, &changes[i]); {
		case err != nil:
			return err
		case !met:
			return &table.TransactError{Index: i}
		}
	}
	return nil
}

// apply checks the condition of a change, whose key is locked, and adds the change to the batch if
// it is met. With an error, or where the condition is not met, nothing of it is in the batch.
func (t *Table) apply(view *embedded.View, batch *pebble.Batch, c *change) (met bool, err error) {
	if c.cond.IsOnce() { // a row in place is the same, and has the same index entries
		return true, t.replace(batch, c, nil)
	}
	found, err := t.stored(view, c.key, func(old []byte) (err error) {
		if met, err = c.met(old); err == nil && met {
			err = t.replace(batch, c, old)
		}
		return err
	})
	if err == nil && !found {
		if met, _, _ = c.cond.Parts(); met {
			err = t.replace(batch, c, nil)
		}
	}
	if err != nil {
		return false, fmt.Errorf("write row of %s: %w", c.table, err)
	}
	return met, nil
}

// stored calls read with the row in place, which the caller has locked, and reports whether there
// is one.
func (t *Table) stored(view *embedded.View, key []byte, read func(old []byte) error) (found bool, err error) {
	if old, ok := t.recent.get(key); ok {
		return true, read(old)
	}
	return view.Get(key, read)
}

// met reports whether the condition of the change is true of the stored row.
func (c *change) met(old []byte) (bool, error) {
	absent, attr, want := c.cond.Parts()
	if absent {
		return false, nil
	}
	switch attr {
	case "pk":
		return want == table.Value(table.S(c.at.PK)), nil
	case "sk":
		return want == table.Value(table.S(c.at.SK)), nil
	}
	value, found, err := lookup(old, attr)
	return found && equals(value, want), err
}

// replace adds the change of a row and of its index entries to the batch, or fails before it has
// added anything. old is nil if there is no row.
func (t *Table) replace(batch *pebble.Batch, c *change, old []byte) error {
	schema, err := t.catalog.Table(c.table)
	if err != nil {
		return err
	}
	var room [4]entryChange
	entries := room[:0]
	for _, x := range schema.Indexes {
		entry, err := changeEntry(x, c, old)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	for i := range entries {
		if err := entries[i].addTo(batch); err != nil {
			return err
		}
	}
	if c.row == nil {
		return batch.Delete(c.key, nil)
	}
	if old == nil {
		var room [1024]byte
		return batch.Set(c.key, appendRow(room[:0], c.row.Attrs), nil)
	}
	c.stored = appendRow(make([]byte, 0, len(old)+64), c.row.Attrs)
	return batch.Set(c.key, c.stored, nil)
}
