package publisher

import (
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

// Pace slows a busy account down to the pace of the stream: it reports whether paceFrom entries or
// paceFromBytes of the account wait. Then it calls again once, on another goroutine: when
// fewer wait, and at most a millisecond for each entry or kilobyte later, so that an outage of the
// stream does not stop the account. An account has one record in flight, and its shard takes 1 MB a
// second. Without Pace, a table that answers sooner than the stream would let entries pile up
// without end, and each read of the account's balance would wait longer. Commands that wait share a
// larger entry, so that as many are committed.
func (p *Publisher) Pace(a event.Account, again func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.accounts[a]
	if q == nil || q.atPace() {
		return false
	}
	q.paced = time.AfterFunc(min(time.Duration(max(len(q.entries), q.bytes/paceBytes))*paceEach, paceMost), again)
	return true
}

// calm ends the wait of the account's commands early, once it is at its pace.
func (q *queue) calm() {
	if q.paced == nil || !q.atPace() {
		return
	}
	if q.paced.Stop() { // not called yet
		q.paced.Reset(0)
	}
	q.paced = nil
}

// atPace reports whether so little of the account waits that its commands need not be slowed down.
func (q *queue) atPace() bool { return len(q.entries) < paceFrom && q.bytes < paceFromBytes }
