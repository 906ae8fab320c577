package faults

import (
	"context"
	"errors"
	"time"

	"passbook/shared/table"
)

// clientTable is the tables as one process sees them. It implements table.Table.
type clientTable struct {
	*LimitedTables
	client *Client
}

// Table returns the process's handle on the tables.
func (c *Client) Table(t *LimitedTables) table.Table {
	return &clientTable{LimitedTables: t, client: c}
}

// Skew implements table.Table.
func (t *clientTable) Skew() time.Duration { return t.inner.Skew() }

// Put implements table.Table.
func (t *clientTable) Put(ctx context.Context, p table.Put) error {
	if err := t.catalog.CheckPut(p); err != nil {
		return err
	}
	changes := []change{{table: p.Table, at: p.Row.Key, is: &p.Row}}
	return done(ctx, t.client, func(ctx context.Context) error {
		return t.write(ctx, &t.client.Meter, changes, func() error { return t.inner.Put(ctx, p) })
	})
}

// eachAtOnce is how many puts of one PutEach are under way at once.
const eachAtOnce = 32

// PutEach implements table.Table by a call for each put, as there is no other on DynamoDB: so each
// is throttled, lost or cut off by itself.
func (t *clientTable) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, eachAtOnce, t.Put)
}

// Together implements table.Table: each put is a separate round trip.
func (t *clientTable) Together() int { return 1 }

// Delete implements table.Table.
func (t *clientTable) Delete(ctx context.Context, name string, key table.Key, cond table.Condition) error {
	if err := t.catalog.CheckDelete(name, key, cond); err != nil {
		return err
	}
	changes := []change{{table: name, at: key}}
	return done(ctx, t.client, func(ctx context.Context) error {
		return t.write(ctx, &t.client.Meter, changes, func() error { return t.inner.Delete(ctx, name, key, cond) })
	})
}

// Transact implements table.Table. The units of the table count twice; those of its indexes, which
// are written later, do not.
func (t *clientTable) Transact(ctx context.Context, puts []table.Put) error {
	if err := t.catalog.CheckTransact(puts); err != nil {
		return err
	}
	changes := make([]change, len(puts))
	for i := range puts {
		changes[i] = change{table: puts[i].Table, at: puts[i].Row.Key, is: &puts[i].Row}
	}
	return done(ctx, t.client, func(ctx context.Context) error {
		return t.write(ctx, &t.client.Meter, changes, func() error { return t.inner.Transact(ctx, puts) })
	})
}

// Get implements table.Table.
func (t *clientTable) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	return send(ctx, t.client, func(ctx context.Context) (table.Row, error) {
		row, err := t.inner.Get(ctx, name, key, consistent)
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return row, err
		}
		if err := t.countRead(name, name+"/"+key.PK, consistent, size(&row)); err != nil {
			return table.Row{}, err
		}
		return row, err
	})
}

// Query implements table.Table.
func (t *clientTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	name, read := q.Table, t.inner.Query
	if q.Index != "" {
		name += "/" + q.Index
		q.Consistent = false
		if t.lag != nil {
			read = t.lag.query
		}
	}
	return send(ctx, t.client, func(ctx context.Context) (table.Page, error) {
		page, err := read(ctx, q)
		if err == nil {
			err = t.countRead(name, name+"/"+q.PK, q.Consistent, sizes(page.Rows))
		}
		if err != nil {
			return table.Page{}, err
		}
		return page, nil
	})
}

// Scan implements table.Table. A scan spreads over all partitions and has no limit here.
func (t *clientTable) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	return send(ctx, t.client, func(ctx context.Context) (table.Page, error) {
		page, err := t.inner.Scan(ctx, s)
		if err == nil {
			err = t.countRead(s.Table, "", false, sizes(page.Rows))
		}
		return page, err
	})
}

func sizes(rows []table.Row) (sum int) {
	for i := range rows {
		sum += size(&rows[i])
	}
	return sum
}

// countRead counts a read. It returns table.ErrThrottled if the partition has no capacity left for
// it.
func (t *clientTable) countRead(name, partition string, consistent bool, bytes int) error {
	n := units(bytes, readUnit)
	if !consistent {
		n /= 2
	}
	if partition != "" && t.reads.take(charge{partition, t.limits.PartitionReads, n}) >= 0 {
		t.client.count(Throttled, name, 1)
		return table.ErrThrottled
	}
	t.client.count(Reads, name, 1)
	t.client.count(ReadUnits, name, n)
	return nil
}
