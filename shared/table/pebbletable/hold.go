package pebbletable

import (
	"sync"

	"passbook/shared/embedded"
)

type heldIndex struct{ table, index string }

// holds has the views that frozen indexes are read from.
type holds struct {
	mu    sync.Mutex
	views map[heldIndex]*embedded.View
}

// HoldIndex freezes an index: until ReleaseIndex, queries of it through this Table show it as it is
// now, as a secondary index of DynamoDB may for a while. It is for tests of what callers do about
// that.
func (t *Table) HoldIndex(table, index string) error {
	if _, err := t.catalog.Index(table, index); err != nil {
		return err
	}
	view, err := t.db.View()
	if err != nil {
		return err
	}
	t.ReleaseIndex(table, index)
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	t.held.views[heldIndex{table, index}] = view
	return nil
}

// ReleaseIndex lets a held index catch up at once. Releasing one that is not held does nothing.
func (t *Table) ReleaseIndex(table, index string) {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	at := heldIndex{table, index}
	if view := t.held.views[at]; view != nil {
		delete(t.held.views, at)
		t.db.Release(view)
	}
}

func (t *Table) releaseAll() {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	for at, view := range t.held.views {
		delete(t.held.views, at)
		t.db.Release(view)
	}
}

// view is what to read: the frozen one of a held index, else the newest.
func (t *Table) view(at heldIndex) (*embedded.View, error) {
	if at.index != "" {
		t.held.mu.Lock()
		defer t.held.mu.Unlock()
		if held := t.held.views[at]; held != nil {
			return held.Retain(), nil
		}
	}
	return t.db.View()
}
