package faults

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"passbook/shared/table"
)

// stripes is how many rows can be written at once. Writes of rows that share a stripe wait for each
// other.
const stripes = 256

// TablesConfig is the behaviour of the tables of a deployment.
type TablesConfig struct {
	// Limits are AWS where they are zero.
	Limits Limits
	// IndexLag is how long an index shows what it had before a write. It needs a Replica.
	IndexLag time.Duration
	// Replica is an empty store of the same tables, from which the lagging indexes are read.
	Replica table.Table
}

// LimitedTables is the one store behind the tables of all processes, with the limits of each
// partition key. It is safe for concurrent use.
type LimitedTables struct {
	inner   table.Table
	catalog *table.Catalog
	limits  Limits
	writes  budgets
	reads   budgets
	lag     *lag
	seed    maphash.Seed
	locks   [stripes]chan struct{}
}

// NewLimitedTables returns a decorator of a store that has tables with these schemas. With an
// IndexLag the store must be empty.
func NewLimitedTables(inner table.Table, c TablesConfig, schemas ...table.Schema) (*LimitedTables, error) {
	catalog, err := table.NewCatalog(schemas...)
	if err != nil {
		return nil, fmt.Errorf("wrap tables: %w", err)
	}
	if c.Limits == (Limits{}) {
		c.Limits = AWS
	}
	t := &LimitedTables{inner: inner, catalog: catalog, limits: c.Limits, seed: maphash.MakeSeed()}
	if c.IndexLag > 0 {
		if c.Replica == nil {
			return nil, errors.New("wrap tables: an index lag needs a replica")
		}
		t.lag = &lag{after: c.IndexLag, replica: c.Replica, turn: make(chan struct{}, 1)}
	}
	for i := range t.locks {
		t.locks[i] = make(chan struct{}, 1)
	}
	return t, nil
}

// lock takes the rows, so that the cost of a write is computed from the row that it replaces. The
// locks are channels, which a synctest bubble can wait for.
func (t *LimitedTables) lock(changes []change) (unlock func()) {
	var places []uint64
	for _, c := range changes {
		places = append(places, maphash.Comparable(t.seed, [3]string{c.table, c.at.PK, c.at.SK})%stripes)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	for _, p := range places {
		t.locks[p] <- struct{}{}
	}
	return func() {
		for _, p := range places {
			<-t.locks[p]
		}
	}
}

// write makes the changes by call, if the table and each of its indexes have capacity for them: an
// index without capacity throttles the writes of its table.
func (t *LimitedTables) write(ctx context.Context, m *Meter, changes []change, call func() error) error {
	defer t.lock(changes)()
	for i := range changes {
		if err := changes[i].read(ctx, t.inner); err != nil {
			return err
		}
	}
	due, err := t.bill(changes)
	if err != nil {
		return err
	}
	if refused := t.writes.take(due.charges(1)...); refused >= 0 {
		m.count(Throttled, due[refused].name, 1)
		return table.ErrThrottled
	}
	switch err = call(); {
	case err == nil:
		due.count(m)
		if t.lag != nil {
			err = t.lag.add(changes)
		}
	case errors.Is(err, table.ErrConditionFailed):
		failed := t.failedBill(changes)
		t.writes.refund(append(due.charges(1), failed.charges(-1)...)...)
		failed.count(m)
	default:
		t.writes.refund(due.charges(1)...)
	}
	return err
}
