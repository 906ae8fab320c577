package journal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"passbook/shared/table"
)

// peers is what this writer knows of the others by their rows, which it reads with every heartbeat. What it does not know, it knows for
// older than it is: a writer that is missing here has published nothing.
type peers struct {
	mu   sync.Mutex
	rows map[string]peer
}

// peer is another writer as its row was last read.
type peer struct {
	epoch     table.N
	moved     time.Time // when it was first seen there, monotonic
	published int64
}

// look reads the rows.
func (p *peers) look(ctx context.Context, t table.Table) error {
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	rows := make(map[string]peer)
	err := writerRows(ctx, t, func(row table.Row) {
		epoch, _ := row.Attrs["epoch"].(table.N)
		published, _ := row.Attrs["published"].(table.N)
		rows[row.SK] = peer{epoch: epoch, published: int64(published)}
	})
	if err != nil {
		return fmt.Errorf("look for other writers: %w", err)
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, row := range rows {
		row.moved = now
		if before, known := p.rows[id]; known && before.epoch == row.epoch {
			row.moved = before.moved
		}
		rows[id] = row
	}
	p.rows = rows
	return nil
}

// published says that the stream surely has the writer's entry n.
func (p *peers) published(writer string, n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return n <= p.rows[writer].published
}

// writerRows calls do with each writer's row.
func writerRows(ctx context.Context, t table.Table, do func(table.Row)) error {
	q := table.Query{Table: Control, PK: WriterKind, Consistent: true}
	for {
		page, err := t.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("read writers: %w", err)
		}
		for _, row := range page.Rows {
			do(row)
		}
		if q.After = page.After; q.After == "" {
			return nil
		}
	}
}
