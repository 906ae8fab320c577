package pebbletable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// change is one row to replace, or to remove where row is nil.
type change struct {
	schema *table.Schema
	at     table.Key
	key    []byte
	row    *table.Row
	cond   table.Condition
	// group is how many bytes of the key name its group in newest; 0 if it is in none.
	group int
	// absent tells that there is no row, for certain; mark is that of a group that should be read.
	absent bool
	mark   *mark
	// kept is what writes need to know of the new row, if memory is to keep it.
	kept []byte
	// stamp is that of the row while it is being written, nil for one that is not replaced.
	stamp *atomic.Uint64
}

// changeOf returns the change of a put that was checked, to the row at key.
func (t *Table) changeOf(p *table.Put, key []byte) change {
	// A table that was checked has a schema.
	schema, _ := t.catalog.Table(p.Table)
	c := change{schema: schema, at: p.Row.Key, key: key, row: &p.Row, cond: p.If}
	if i := strings.IndexByte(c.at.SK, '#'); i >= 0 {
		c.group = len(c.key) - len(c.at.SK) + i + 1
	}
	return c
}

// rising reports whether the rows of the change's group are put in ascending order.
func (c *change) rising() bool {
	return c.group > 0 && len(c.schema.Rising) > 0 && slices.Contains(c.schema.Rising, string(c.key[len(c.key)-len(c.at.SK):c.group]))
}

// recall looks what memory knows of the changes, whose keys are locked. It comes before the view is
// taken in which the changes are planned.
func (t *Table) recall(changes []change) {
	for i := range changes {
		c := &changes[i]
		if absent, _, _ := c.cond.Parts(); absent && c.rising() {
			c.absent, c.mark = t.memory.newest.beyond(c.key[:c.group], c.key)
		}
	}
}

// remember keeps in memory what was stored, before the keys are unlocked. After a failed commit it
// is unknown what is stored, and forgotten.
func (t *Table) remember(changes []change, err error) {
	for i := range changes {
		c := &changes[i]
		if c.group > 0 {
			t.rememberGroup(c, err)
		}
		if err != nil || c.row == nil {
			t.memory.recent.put(c.key, nil)
		} else if c.kept != nil {
			t.memory.recent.put(c.key, c.kept)
		}
	}
}

func (t *Table) rememberGroup(c *change, err error) {
	switch {
	case c.row == nil || c.kept != nil: // it was there before
	case err != nil:
		t.memory.newest.forget(c.key[:c.group])
	default: // or its condition failed, and a mark may be too high
		t.memory.newest.inserted(c.key[:c.group], c.key)
	}
}

// planOne checks the condition of a change, whose key is locked, and adds the change to the batch
// if it is met. With an error, or where the condition is not met, nothing of it is in the batch.
func (w *writing) planOne(view *embedded.View, c *change) (met bool, err error) {
	var some [4]entryChange
	entries := some[:0]
	old, use, err := w.table.stored(view, c)
	there := old != nil
	if err == nil {
		met, err = c.met(old)
	}
	if err == nil && met {
		entries, err = w.entries(entries, c, old)
	}
	if use != nil {
		err = errors.Join(err, use.Close())
	}
	if err == nil && met {
		err = w.add(c, entries, there)
	}
	if err != nil {
		return false, fmt.Errorf("write row of %s: %w", c.schema.Name, err)
	}
	return met, nil
}

// stored returns the row in place, or what is kept of it, nil if there is none or if the condition
// asks for none, and what is closed after its use, if it is not nil.
func (t *Table) stored(view *embedded.View, c *change) (old []byte, use io.Closer, err error) {
	if c.absent || c.cond.IsOnce() { // a row put once has the same attributes and index entries
		return nil, nil, nil
	}
	if kept, ok := t.memory.recent.get(c.key); ok && c.suffices(kept) {
		return kept, nil, nil
	}
	if c.mark != nil {
		last, err := view.Last(c.key[:c.group], prefixEnd(c.key[:c.group]))
		if err != nil {
			return nil, nil, err
		}
		t.memory.newest.confirm(c.key[:c.group], c.mark, last)
		if bytes.Compare(c.key, last) > 0 {
			return nil, nil, nil
		}
	}
	return view.Value(c.key)
}

// met reports whether the condition of the change is true of the stored row, nil for none.
func (c *change) met(old []byte) (bool, error) {
	if c.cond.IsOnce() {
		return true, nil
	}
	absent, attr, want := c.cond.Parts()
	if absent || old == nil {
		return absent && old == nil, nil
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

// entries appends how the row's entries in the indexes change. old is nil if there is no row. Their
// keys are in the scratch space.
func (w *writing) entries(to []entryChange, c *change, old []byte) ([]entryChange, error) {
	w.scratch = w.scratch[:0]
	for i := range c.schema.Indexes {
		entry, err := w.changeEntry(&c.schema.Indexes[i], c, old)
		if err != nil {
			return nil, err
		}
		to = append(to, entry)
	}
	return to, nil
}

// add adds the change of a row and of its index entries to the batch. there tells that the row
// replaces one. A batch refuses a change only if it was committed before.
func (w *writing) add(c *change, entries []entryChange, there bool) error {
	for i := range entries {
		if err := entries[i].addTo(w.batch); err != nil {
			return err
		}
	}
	if c.row == nil {
		return w.batch.Delete(c.key, nil)
	}
	if there {
		begin := len(w.kept)
		w.kept = c.appendKept(w.kept)
		c.kept = w.kept[begin:len(w.kept):len(w.kept)]
	}
	w.scratch = appendRow(w.scratch[:0], c.row.Attrs)
	return w.batch.Set(c.key, w.scratch, nil)
}
