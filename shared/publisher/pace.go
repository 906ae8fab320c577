package publisher

import (
	"context"
	"time"

	"passbook/shared/event"
)

const (
	// paceFrom is how many entries of an account may wait before its commands are slowed down.
	paceFrom = 32
	// paceEach is how long they wait for each entry that waits, and paceMost the longest wait.
	paceEach = time.Millisecond
	paceMost = time.Second
)

// Pace slows a busy account down to the pace of the stream: it waits until fewer than paceFrom
// entries of the account wait, and at most a millisecond for each, so that an outage of the stream
// does not stop the account. An account has one record in flight. Without Pace, a table that
// answers sooner than the stream would let entries pile up without end, and each read of the
// account's balance would wait longer. Commands that wait share a larger entry, so that as many
// are committed.
func (p *Publisher) Pace(ctx context.Context, a event.Account) {
	p.mu.Lock()
	q := p.accounts[a]
	if q == nil || len(q.entries) < paceFrom {
		p.mu.Unlock()
		return
	}
	if q.calm == nil {
		q.calm = make(chan struct{})
	}
	calm, most := q.calm, min(time.Duration(len(q.entries))*paceEach, paceMost)
	p.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-calm:
	case <-timer.C:
	case <-ctx.Done():
	}
}
