package writer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"passbook/shared/control"
	"passbook/shared/table"
)

// Peer is another writer that takes commands.
type Peer struct {
	// ID is that of the writer's session.
	ID string
	// Address is where it takes commands, host:port, and Secret what proves to it that the sender
	// may read the control table.
	Address, Secret string
}

// peerSilence is how long a writer's heartbeat may not move before it is sent no more commands, and
// how old this knowledge of the writers may be.
const peerSilence = 3 * HeartbeatEvery

// Peers is what one writer knows of the others by their rows, which it reads with every heartbeat.
// It is safe for concurrent use.
type Peers struct {
	table table.Table
	owns  func(id string) bool

	mu        sync.Mutex
	watch     control.Watch
	published map[string]int64 // by session id
	looked    time.Time        // when the reading began
	others    []Peer           // those that take commands; the list is replaced, never changed
}

// NewPeers returns the peers of a process; owns reports whether a session is the process's own.
func NewPeers(t table.Table, owns func(id string) bool) *Peers { return &Peers{table: t, owns: owns} }

// Refresh reads the rows of the writers. Of two readings at the same time, the one that began later
// counts.
func (p *Peers) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, PutDeadline)
	defer cancel()
	began := time.Now()
	rows, err := List(ctx, p.table)
	if err != nil {
		return fmt.Errorf("look for other writers: %w", err)
	}
	epochs, published := make(map[string]int64, len(rows)), make(map[string]int64, len(rows))
	for _, r := range rows {
		epochs[r.ID], published[r.ID] = r.Epoch, r.Published
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if began.Before(p.looked) {
		return nil
	}
	p.watch.Observe(epochs, now)
	p.published, p.looked, p.others = published, began, nil
	for _, r := range rows {
		if r.Address != "" && r.State == Live && !p.owns(r.ID) && p.watch.Silent(r.ID, now) <= peerSilence {
			p.others = append(p.others, Peer{ID: r.ID, Address: r.Address, Secret: r.Secret})
		}
	}
	return nil
}

// Others returns the writers that take commands, and none where what is known is too old. The
// caller must not change the list.
func (p *Peers) Others() []Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) > peerSilence {
		return nil
	}
	return p.others
}

// Published reports whether the stream surely has entry n of a session. Of a session whose row was
// not there when the rows were read, it reports false.
func (p *Peers) Published(id string, n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return n <= p.published[id]
}

// Gone reports whether a session had no row when the rows were read. Where an entry of it was read
// before that, the stream has all its entries for good.
func (p *Peers) Gone(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, there := p.published[id]
	return !there
}
