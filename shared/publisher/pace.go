package publisher

import (
	"context"
	"time"

	"passbook/shared/event"
)

const (
	// paceFrom and paceFromBytes are how many entries of an account, and how many bytes of records,
	// may wait before its commands are slowed down.
	paceFrom      = 32
	paceFromBytes = 512 << 10
	// paceEach is how long they wait for each entry that waits, or for each paceBytes, which is
	// what a shard takes in that time; paceMost is the longest wait.
	paceEach  = time.Millisecond
	paceBytes = 1 << 10
	paceMost  = time.Second
)

// Pace slows a busy account down to the pace of the stream: it waits until fewer than paceFrom
// entries and paceFromBytes of the account wait, and at most a millisecond for each entry or
// kilobyte, so that an outage of the stream does not stop the account. An account has one record in
// flight, and its shard takes 1 MB a second. Without Pace, a table that answers sooner than the
// stream would let entries pile up without end, and each read of the account's balance would wait
// longer. Commands that wait share a larger entry, so that as many are committed.
func (p *Publisher) Pace(ctx context.Context, a event.Account) {
	p.mu.Lock()
	q := p.accounts[a]
	if q == nil || q.atPace() {
		p.mu.Unlock()
		return
	}
	if q.calm == nil {
		q.calm = make(chan struct{})
	}
	calm, most := q.calm, min(time.Duration(max(len(q.entries), q.bytes/paceBytes))*paceEach, paceMost)
	p.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-calm:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// atPace reports whether so little of the account waits that its commands need not be slowed down.
func (q *queue) atPace() bool { return len(q.entries) < paceFrom && q.bytes < paceFromBytes }
