package fault

import (
	"context"
	"sync/atomic"

	"passbook/shared/table"
)

// Rule fails matching writes of a Table.
type Rule struct {
	// Match says which writes; nil means all. A transaction matches when one of its puts does.
	Match func(table.Put) bool
	// Before fails the call without making it; After makes it and fails it then.
	Before, After error
	// Hook, if set, runs before a matching call is made, for tests that let something else happen
	// first.
	Hook func()

	left  atomic.Int64
	fired atomic.Int64
}

// Fired is how many calls the rule has failed or hooked.
func (r *Rule) Fired() int { return int(r.fired.Load()) }

// Table is a table.Table whose writes can be made to fail. It is safe for concurrent use.
type Table struct {
	table.Table
	rule atomic.Pointer[Rule]
}

// NewTable wraps t.
func NewTable(t table.Table) *Table { return &Table{Table: t} }

// Arm makes the next times matching writes follow the rule, in place of any rule before it.
func (t *Table) Arm(r *Rule, times int) *Rule {
	r.left.Store(int64(times))
	t.rule.Store(r)
	return r
}

// Put is table.Table's.
func (t *Table) Put(ctx context.Context, p table.Put) error {
	return t.apply([]table.Put{p}, func() error { return t.Table.Put(ctx, p) })
}

// Transact is table.Table's.
func (t *Table) Transact(ctx context.Context, puts []table.Put) error {
	return t.apply(puts, func() error { return t.Table.Transact(ctx, puts) })
}

func (t *Table) apply(puts []table.Put, call func() error) error {
	r := t.rule.Load()
	if r == nil || !r.matches(puts) || r.left.Add(-1) < 0 {
		return call()
	}
	r.fired.Add(1)
	if r.Hook != nil {
		r.Hook()
	}
	if r.Before != nil {
		return r.Before
	}
	if err := call(); err != nil {
		return err
	}
	return r.After
}

func (r *Rule) matches(puts []table.Put) bool {
	for _, p := range puts {
		if r.Match == nil || r.Match(p) {
			return true
		}
	}
	return false
}

// On matches the writes to one table.
func On(name string) func(table.Put) bool {
	return func(p table.Put) bool { return p.Table == name }
}
