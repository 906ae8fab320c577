package faults

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/table"
)

// lag keeps a replica a constant time behind the store. Indexes are read from it.
type lag struct {
	after   time.Duration
	replica table.Table
	turn    chan struct{} // a lock: full while a call brings the replica up to date
	waiting []delayed     // the oldest first
}

// delayed is a change and when the replica gets it.
type delayed struct {
	change
	at time.Time
}

// add queues changes that were made for the replica, which gets them after the lag.
func (l *lag) add(changes []change) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	for _, c := range changes {
		l.waiting = append(l.waiting, delayed{c, time.Now().Add(l.after)})
	}
	return l.apply()
}

// query reads an index as the replica shows it now.
func (l *lag) query(ctx context.Context, q table.Query) (table.Page, error) {
	l.turn <- struct{}{}
	err := l.apply()
	<-l.turn
	if err != nil {
		return table.Page{}, err
	}
	return l.replica.Query(ctx, q)
}

// apply makes the changes that are due on the replica, in the order in which they were made.
func (l *lag) apply() error {
	for len(l.waiting) > 0 && !time.Now().Before(l.waiting[0].at) {
		if err := l.waiting[0].repeat(l.replica); err != nil {
			return fmt.Errorf("bring the replica up to date: %w", err)
		}
		l.waiting = l.waiting[1:]
	}
	return nil
}

// repeat makes the change in a store that has the row as it was before.
func (c *change) repeat(in table.Table) error {
	ctx := context.Background() // the replica belongs to no caller
	there := table.Equals("pk", table.S(c.at.PK))
	switch {
	case c.is == nil:
		return in.Delete(ctx, c.table, c.at, there)
	case c.was == nil:
		there = table.Absent()
	}
	return in.Put(ctx, table.Put{Table: c.table, Row: *c.is, If: there})
}
