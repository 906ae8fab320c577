package scratch

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

// Table is a table in memory for what a projection of one account writes: its row, and its
// quarantine. Nothing of it reaches the bank. Calls that a projection does not make return
// errors.ErrUnsupported.
type Table struct {
	mu   sync.Mutex
	rows map[rowKey]table.Map
}

type rowKey struct {
	table string
	key   table.Key
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{rows: map[rowKey]table.Map{}} }

// Get implements table.Table.
func (s *Table) Get(_ context.Context, name string, key table.Key, _ bool) (table.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attrs, ok := s.rows[rowKey{name, key}]
	if !ok {
		return table.Row{}, table.ErrNotFound
	}
	return table.Row{Key: key, Attrs: maps.Clone(attrs)}, nil
}

// Put implements table.Table.
func (s *Table) Put(_ context.Context, p table.Put) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := rowKey{p.Table, p.Row.Key}
	attrs, ok := s.rows[key]
	if !satisfies(p.If, attrs, ok) {
		return table.ErrConditionFailed
	}
	s.rows[key] = maps.Clone(p.Row.Attrs)
	return nil
}

// PutEach implements table.Table.
func (s *Table) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, s.Put)
}

// Together implements table.Table. No put waits for anything.
func (*Table) Together() int { return 1 }

// Delete implements table.Table.
func (s *Table) Delete(_ context.Context, name string, key table.Key, cond table.Condition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	attrs, ok := s.rows[rowKey{name, key}]
	if !satisfies(cond, attrs, ok) {
		return table.ErrConditionFailed
	}
	delete(s.rows, rowKey{name, key})
	return nil
}

// satisfies reports whether a row satisfies a condition.
func satisfies(cond table.Condition, attrs table.Map, ok bool) bool {
	if cond.IsOnce() {
		return true
	}
	absent, attr, value := cond.Parts()
	if absent {
		return !ok
	}
	return ok && reflect.DeepEqual(attrs[attr], value)
}

// Query implements table.Table.
func (*Table) Query(context.Context, table.Query) (table.Page, error) {
	return table.Page{}, unsupported("query")
}

// Scan implements table.Table.
func (*Table) Scan(context.Context, table.Scan) (table.Page, error) {
	return table.Page{}, unsupported("scan")
}

// Transact implements table.Table.
func (*Table) Transact(context.Context, []table.Put) error { return unsupported("transact") }

// Skew implements table.Table: there is one clock.
func (*Table) Skew() time.Duration { return 0 }

func unsupported(call string) error {
	return fmt.Errorf("%s on a table in memory: %w", call, errors.ErrUnsupported)
}
