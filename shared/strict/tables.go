package strict

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"passbook/shared/table"
)

// stripes is how many rows can be written at once; those that share a stripe wait for each other.
const stripes = 256

// TablesConfig says how the tables of a deployment behave.
type TablesConfig struct {
	// Limits are AWS where they are zero.
	Limits Limits
	// IndexLag is how long an index shows what was there before a write. It needs a Replica.
	IndexLag time.Duration
	// Replica is an empty store of the same tables, of which the lagging indexes are read.
	Replica table.Table
}

// Tables is the one store behind the tables of all processes, with the limits of each partition
// key. It is safe for concurrent use.
type Tables struct {
	inner   table.Table
	catalog *table.Catalog
	limits  Limits
	writes  budgets
	reads   budgets
	lag     *lag
	seed    maphash.Seed
	locks   [stripes]chan struct{}
}

// NewTables wraps a store of tables with these schemas. With an IndexLag the store must be empty.
func NewTables(inner table.Table, c TablesConfig, schemas ...table.Schema) (*Tables, error) {
	catalog, err := table.NewCatalog(schemas...)
	if err != nil {
		return nil, fmt.Errorf("wrap tables: %w", err)
	}
	if c.Limits == (Limits{}) {
		c.Limits = AWS
	}
	t := &Tables{inner: inner, catalog: catalog, limits: c.Limits, seed: maphash.MakeSeed()}
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

// lock takes the rows, so that what a write costs is judged by the row that it replaces. A channel
// is a lock that a synctest bubble can wait for.
func (t *Tables) lock(changes []change) (unlock func()) {
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

// write does what call does to the rows, if there is capacity for it in the table and in each of
// its indexes: an index without capacity holds back the table.
func (t *Tables) write(ctx context.Context, m *Meter, changes []change, call func() error) error {
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
		t.writes.give(append(due.charges(1), failed.charges(-1)...)...)
		failed.count(m)
	default:
		t.writes.give(due.charges(1)...)
	}
	return err
}
