package journal

import (
	"container/list"
	"context"
	"fmt"
	"slices"
	"sync"

	"passbook/shared/event"
)

// laneShard is a part of the lanes: those that run, and idle ones that are kept.
type laneShard struct {
	mu      sync.Mutex
	lanes   map[event.Account]*lane
	resting *list.List // idle lanes, the longest idle first
	keys    int        // keys that they remember together, with their holds
	running int
	rested  chan struct{} // closed when running falls to 0; nil while nobody waits
}

func (s *laneShard) init() {
	s.lanes = make(map[event.Account]*lane)
	s.resting = list.New()
}

// push queues p and starts the lane if it is idle. It refuses a command of a closed journal under
// the lock that Idle takes: what is pushed before, Idle waits for.
func (s *laneShard) push(j *Journal, a event.Account, p *Pending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.closed.Load() {
		return ErrShuttingDown
	}
	l := s.lanes[a]
	if l == nil {
		l = &lane{journal: j, shard: s, account: a}
		l.again = func() { j.start(l) }
		s.lanes[a] = l
	}
	if len(l.queue) >= maxQueue {
		return fmt.Errorf("%w: too many commands wait for the account", ErrOverloaded)
	}
	l.queue = append(l.queue, p)
	j.metrics.queued.Inc()
	if l.running {
		return nil
	}
	l.running = true
	s.running++
	j.metrics.running.Inc()
	if l.rest != nil {
		s.resting.Remove(l.rest)
		s.keys -= l.keys.Count() + len(l.state.Holds)*holdKeys
		l.rest = nil
	}
	if p.exclusive != nil {
		j.pool.Go(l.run)
	} else {
		j.start(l)
	}
	return nil
}

// start has the lane decide what is queued: in the next round, or alone where it cannot take part.
func (j *Journal) start(l *lane) {
	if j.rounds.takes(l) {
		j.rounds.add(l)
	} else {
		j.pool.Go(l.run)
	}
}

// continues reports whether the lane has more to do, or commands wait in its queue. Else it marks
// the lane idle: then the caller no longer has it.
func (s *laneShard) continues(l *lane, more bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more || len(l.queue) > 0 {
		return true
	}
	s.rest(l)
	return false
}

// take returns what is queued: up to limit commands that can share an entry, or one that cannot.
func (s *laneShard) take(l *lane, limit int) []*Pending {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	n := 1
	if l.queue[0].exclusive == nil {
		for n < len(l.queue) && n < limit && l.queue[n].exclusive == nil {
			n++
		}
	}
	l.journal.metrics.queued.Sub(float64(n))
	batch := l.queue[:n:n]
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil
	}
	return batch
}

// drop takes a command whose caller gave up out of the queue.
func (s *laneShard) drop(a event.Account, p *Pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lanes[a]; l != nil {
		before := len(l.queue)
		l.queue = slices.DeleteFunc(l.queue, func(q *Pending) bool { return q == p })
		l.journal.metrics.queued.Sub(float64(before - len(l.queue)))
	}
}

// rest marks a lane idle, and drops the longest idle lanes when there are too many or they remember
// too many keys.
func (s *laneShard) rest(l *lane) {
	l.running, l.left = false, nil // an empty rest of a batch would keep all of its commands
	l.rest = s.resting.PushBack(l)
	s.keys += l.keys.Count() + len(l.state.Holds)*holdKeys
	for s.resting.Len() > l.journal.cached || s.keys > l.journal.keys && s.resting.Len() > 1 {
		oldest := s.resting.Remove(s.resting.Front()).(*lane)
		s.keys -= oldest.keys.Count() + len(oldest.state.Holds)*holdKeys
		delete(s.lanes, oldest.account)
	}
	s.running--
	l.journal.metrics.running.Dec()
	if s.running == 0 && s.rested != nil {
		close(s.rested)
		s.rested = nil
	}
}

// idle waits until no lane of the shard runs.
func (s *laneShard) idle(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.running == 0 {
			s.mu.Unlock()
			return nil
		}
		if s.rested == nil {
			s.rested = make(chan struct{})
		}
		rested := s.rested
		s.mu.Unlock()
		select {
		case <-rested:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
