package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"passbook/shared/control"
	"passbook/shared/table"
)

// Peer is another writer that takes commands.
type Peer struct {
	// ID is the writer's, of this tenure.
	ID string
	// Address is where it takes them, host:port, and Secret what proves to it that the sender may
	// read the control table.
	Address, Secret string
}

// peerSilence is how long a writer's heartbeat may stand still before it is sent no more commands,
// and how old what is known of the writers may be.
const peerSilence = 3 * heartbeatEvery

// peers is what this writer knows of the others by their rows, which it reads with every heartbeat.
// What it does not know, it knows for older than it is: a writer that is missing here has published
// nothing.
type peers struct {
	mu     sync.Mutex
	rows   map[string]peer
	looked time.Time // when the reading began
	taking []Peer    // the others that take commands; it is replaced and not changed
}

// peer is another writer as its row was last read.
type peer struct {
	epoch     table.N
	moved     time.Time // when it was first seen there, monotonic
	published int64
}

// look reads the rows, unless others read them later and were faster. own says which are this
// process's.
func (p *peers) look(ctx context.Context, t table.Table, own func(id string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	began, rows := time.Now(), make(map[string]peer)
	var taking []Peer
	err := writerRows(ctx, t, func(row table.Row) {
		epoch, _ := row.Attrs["epoch"].(table.N)
		rows[row.SK] = peer{epoch: epoch, published: row.Attrs.Number("published")}
		address := row.Attrs.Text("address")
		if address != "" && !own(row.SK) && row.Attrs["state"] == table.S(WriterLive) {
			taking = append(taking, Peer{ID: row.SK, Address: address, Secret: row.Attrs.Text("secret")})
		}
	})
	if err != nil {
		return fmt.Errorf("look for other writers: %w", err)
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if began.Before(p.looked) {
		return nil
	}
	for id, row := range rows {
		row.moved = now
		if before, known := p.rows[id]; known && before.epoch == row.epoch {
			row.moved = before.moved
		}
		rows[id] = row
	}
	p.rows, p.looked = rows, began
	p.taking = slices.DeleteFunc(taking, func(t Peer) bool { return now.Sub(rows[t.ID].moved) > peerSilence })
	return nil
}

// others are the writers that take commands; none where what is known is too old. The list is not
// for changing.
func (p *peers) others() []Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) > peerSilence {
		return nil
	}
	return p.taking
}

// published says that the stream surely has the writer's entry n.
func (p *peers) published(writer string, n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return n <= p.rows[writer].published
}

// gone says that the writer had no row when they were read. Of one whose entry was read before, the
// stream has all for good.
func (p *peers) gone(writer string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, there := p.rows[writer]
	return !there
}

// writerRows calls do with each writer's row.
func writerRows(ctx context.Context, t table.Table, do func(table.Row)) error {
	for row, err := range control.Writers(t).List(ctx) {
		if err != nil {
			return fmt.Errorf("read writers: %w", err)
		}
		do(row)
	}
	return nil
}
