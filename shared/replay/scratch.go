package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	"passbook/shared/table"
)

// scratch is a table in memory, of what a projection of one account writes: its row, and why it was
// set aside. It holds no more than that, and nothing of it reaches the bank. What a projection does
// not call is errors.ErrUnsupported.
type scratch struct {
	mu   sync.Mutex
	rows map[scratchKey]table.Map
}

type scratchKey struct {
	table string
	key   table.Key
}

func newScratch() *scratch { return &scratch{rows: map[scratchKey]table.Map{}} }

// Get is table.Table's.
func (s *scratch) Get(_ context.Context, name string, key table.Key, _ bool) (table.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attrs, there := s.rows[scratchKey{name, key}]
	if !there {
		return table.Row{}, table.ErrNotFound
	}
	return table.Row{Key: key, Attrs: maps.Clone(attrs)}, nil
}

// Put is table.Table's.
func (s *scratch) Put(_ context.Context, p table.Put) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := scratchKey{p.Table, p.Row.Key}
	attrs, there := s.rows[key]
	if !holds(p.If, attrs, there) {
		return table.ErrConditionFailed
	}
	s.rows[key] = maps.Clone(p.Row.Attrs)
	return nil
}

// Delete is table.Table's.
func (s *scratch) Delete(_ context.Context, name string, key table.Key, cond table.Condition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	attrs, there := s.rows[scratchKey{name, key}]
	if !holds(cond, attrs, there) {
		return table.ErrConditionFailed
	}
	delete(s.rows, scratchKey{name, key})
	return nil
}

// holds says whether a condition holds of the row in place.
func holds(cond table.Condition, attrs table.Map, there bool) bool {
	absent, attr, value := cond.Parts()
	if absent {
		return !there
	}
	return there && reflect.DeepEqual(attrs[attr], value)
}

// Query is table.Table's.
func (*scratch) Query(context.Context, table.Query) (table.Page, error) {
	return table.Page{}, unsupported("query")
}

// Scan is table.Table's.
func (*scratch) Scan(context.Context, table.Scan) (table.Page, error) {
	return table.Page{}, unsupported("scan")
}

// Transact is table.Table's.
func (*scratch) Transact(context.Context, []table.Put) error { return unsupported("transact") }

// Skew is table.Table's: there is one clock.
func (*scratch) Skew() time.Duration { return 0 }

func unsupported(call string) error {
	return fmt.Errorf("%s in the table of a proof: %w", call, errors.ErrUnsupported)
}
