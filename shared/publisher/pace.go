package publisher

import (
	"context"
	"passbook/shared/event"
	"time"
)

const (
	// paceFrom is how many entries of an account may wait before its commands are held back.
	paceFrom = 32
	// paceEach is how long they are held back for each entry that waits, and paceMost the longest.
	paceEach = time.Millisecond
	paceMost = time.Second
)

// Pace holds a busy account back to what the stream takes. An account has one record in flight, so
// a table that answers sooner than the stream would let entries pile up without end, each read of
// the account's balance waiting longer, until everybody is refused. Held back, commands share
// larger entries, and as many are committed. It waits until fewer than paceFrom entries wait, and
// at most a millisecond for each: an outage of the stream slows the account down, and does not stop
// it.
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
