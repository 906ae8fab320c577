package writer

import (
	"sync/atomic"
	"testing"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// origin is an Origin of a format.
type origin struct{ atomic.Int64 }

func (o *origin) Format() int             { return int(o.Load()) }
func (*origin) Sign(event.Hash) event.MAC { return event.MAC{} }

// written returns the row of a session.
func written(t *testing.T, tbl table.Table, id string) Row {
	t.Helper()
	rows, err := List(t.Context(), tbl)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.ID == id {
			return row
		}
	}
	t.Fatalf("no row of %s among %+v", id, rows)
	return Row{}
}

// A row says that the newer format is written only when no entry of the older one can be committed
// any more: neither by this session nor by a former one.
func TestRowFollowsTheFormatWhenOlderEntriesAreDone(t *testing.T) {
	tbl := store(t)
	var format origin
	format.Store(1)
	w := New(Config{Table: tbl, Lease: lease, Origin: &format})
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := func() (string, int64) {
		t.Helper()
		next, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return next.ID, next.N
	}
	writes := func(want int, when string) {
		t.Helper()
		if err := w.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		if row := written(t, tbl, w.ID()); row.Writes != want || row.Format < 1 {
			t.Errorf("%s: the row says format %d, writes %d, want %d", when, row.Format, row.Writes, want)
		}
	}
	first, one := next()
	writes(1, "before the switch")
	format.Store(2)
	writes(1, "while an entry of format 1 may still be committed")
	id, newer := next()
	w.Done(id, newer)
	writes(1, "when only a newer entry is done")

	w.mu.Lock()
	w.current.renewed = time.Time{} // the lease is lost: the entry belongs to a former session
	w.mu.Unlock()
	second, n := next()
	if second == first {
		t.Fatal("no new session")
	}
	writes(1, "in a new session, while the former one has such an entry")
	w.Done(first, one)
	writes(2, "when the last one is done, with a newer one in progress")
	w.Done(second, n)

	w.mu.Lock()
	w.current.renewed = time.Time{}
	w.mu.Unlock()
	next()
	if row := written(t, tbl, w.ID()); row.Writes != 2 {
		t.Errorf("a new session begins with %d", row.Writes)
	}
}

// A drainer keeps what the session declared, and a row from before there was a choice declares
// nothing.
func TestDrainedRowKeepsItsFormat(t *testing.T) {
	tbl := store(t)
	for id, row := range map[string]Row{
		"new": {ID: "new", State: Draining, Format: 2, Writes: 1, Began: time.Now()},
		"old": {ID: "old", State: Live},
	} {
		if err := control.Writers(tbl).Put(t.Context(), id, row.attrs(), nil); err != nil {
			t.Fatal(err)
		}
		read := written(t, tbl, id)
		if err := read.Save(t.Context(), tbl); err != nil {
			t.Fatal(err)
		}
		if got := written(t, tbl, id); got.Format != row.Format || got.Writes != row.Writes {
			t.Errorf("%s: format %d, writes %d", id, got.Format, got.Writes)
		}
	}
}
