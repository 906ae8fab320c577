package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/table"
)

// Table is a table.Table whose writes follow a Rule, whose indexes can be frozen, and whose clock
// can be skewed. It is safe for concurrent use.
type Table struct {
	table.Table
	rule atomic.Pointer[Rule]
	skew atomic.Int64

	mu     sync.Mutex
	frozen map[index]table.Table
}

// index names an index of a table.
type index struct{ table, name string }

// NewTable returns a decorator of t that changes nothing yet.
func NewTable(t table.Table) *Table { return &Table{Table: t, frozen: make(map[index]table.Table)} }

// Arm makes the next times matching writes follow the rule, in place of any rule before it, and
// returns the rule.
func (t *Table) Arm(r *Rule, times int) *Rule {
	r.left.Store(int64(times))
	t.rule.Store(r)
	return r
}

// Put implements table.Table.
func (t *Table) Put(ctx context.Context, p table.Put) error {
	call := func() error { return t.Table.Put(ctx, p) }
	if r := t.rule.Load(); r != nil {
		return r.apply([]table.Put{p}, call)
	}
	return call()
}

// PutEach implements table.Table. Each put that matches follows the rule by itself.
func (t *Table) PutEach(ctx context.Context, puts []table.Put) []error {
	r := t.rule.Load()
	if r == nil || table.CheckEach(puts) != nil {
		return t.Table.PutEach(ctx, puts)
	}
	return r.applyEach(puts, func(puts []table.Put) []error { return t.Table.PutEach(ctx, puts) })
}

// Transact implements table.Table.
func (t *Table) Transact(ctx context.Context, puts []table.Put) error {
	call := func() error { return t.Table.Transact(ctx, puts) }
	if r := t.rule.Load(); r != nil {
		return r.apply(puts, call)
	}
	return call()
}

// Skew implements table.Table: the store's own skew and what SetSkew added.
func (t *Table) Skew() time.Duration { return t.Table.Skew() + time.Duration(t.skew.Load()) }

// SetSkew adds d to what Skew answers.
func (t *Table) SetSkew(d time.Duration) { t.skew.Store(int64(d)) }

// FreezeIndex makes queries of an index, through this Table, show it as it is now, until ThawIndex:
// a secondary index of DynamoDB may lag so for a while. The rows of the table are copied to
// replica, an empty store of the same schema, which answers the queries. Writes during the call may
// be in the copy or not.
func (t *Table) FreezeIndex(ctx context.Context, name, of string, replica table.Table) error {
	for row, err := range table.ScanRows(ctx, t.Table, table.Scan{Table: name, Of: 1}) {
		if err == nil {
			err = replica.Put(ctx, table.Put{Table: name, Row: row, If: table.Absent()})
		}
		if err != nil {
			return fmt.Errorf("freeze index %s of %s: %w", of, name, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frozen[index{name, of}] = replica
	return nil
}

// ThawIndex lets a frozen index catch up at once. It does nothing to one that is not frozen.
func (t *Table) ThawIndex(name, of string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.frozen, index{name, of})
}

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	t.mu.Lock()
	replica := t.frozen[index{q.Table, q.Index}]
	t.mu.Unlock()
	if replica != nil {
		return replica.Query(ctx, q)
	}
	return t.Table.Query(ctx, q)
}
