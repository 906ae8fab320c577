package delivery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/webhook"
)

const (
	// inFlightMost bounds the attempts of one endpoint in this process.
	inFlightMost = 8
	// queueMost bounds the accounts that wait in memory; the others are in the table.
	queueMost = 256
	// pageMost is how many rows are listed at once.
	pageMost = 100
	// lookMost bounds the pages of one look at what is due: most of it may be other processes'.
	lookMost = 4
	// failingAfter is after how many failures without a success an endpoint counts as failing: it
	// then gets one attempt at a time, with pauses of up to probePause.
	failingAfter = 5
	probePause   = time.Minute
)

// sender sends to one endpoint.
type sender struct {
	d        *Deliverer
	endpoint atomic.Pointer[webhook.Endpoint]
	cancel   context.CancelFunc
	woken    chan struct{}
	began    time.Time // what was due before was not tried

	// place is where the next look begins in the list of what was due at placeAt; they are run's
	place   string
	placeAt time.Time

	mu       sync.Mutex
	queue    []event.Account
	queued   map[event.Account]bool
	flight   map[event.Account]*flight
	failures int       // without a success
	notUntil time.Time // the next attempt of a failing endpoint
	fillAt   time.Time // when the table is asked again for what is due
}

// flight is an account to which events are sent.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{}
	again  bool // more came
}

// newSender returns the sender of an endpoint; cancel ends its run.
func newSender(d *Deliverer, e *webhook.Endpoint, cancel context.CancelFunc) *sender {
	s := &sender{d: d, began: d.config.Now(), cancel: cancel, woken: make(chan struct{}, 1), queued: map[event.Account]bool{}, flight: map[event.Account]*flight{}}
	s.endpoint.Store(e)
	return s
}

// wake has the sender look for work.
func (s *sender) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// add queues an account. If the queue is full, the table has it.
func (s *sender) add(a event.Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(a)
}

// addLocked queues an account; the lock is held.
func (s *sender) addLocked(a event.Account) {
	if f := s.flight[a]; f != nil {
		f.again = true
		return
	}
	if s.queued[a] || len(s.queue) >= queueMost {
		return
	}
	s.queued[a] = true
	s.queue = append(s.queue, a)
	s.wake()
}

// run sends until ctx ends, and waits for the attempts in progress.
func (s *sender) run(ctx context.Context) {
	var flights sync.WaitGroup
	defer flights.Wait()
	for ctx.Err() == nil {
		if err := s.fill(ctx); err != nil && ctx.Err() == nil {
			s.d.failed("what is due to an endpoint could not be listed", err)
		}
		for s.start(ctx, &flights) {
		}
		timer := time.NewTimer(s.pause())
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.woken:
		}
		timer.Stop()
	}
}

// pause returns the time until the sender looks for work again by itself.
func (s *sender) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.d.config.Now()
	pause := s.fillAt.Sub(now)
	if until := s.notUntil.Sub(now); until > 0 && until < pause {
		pause = until
	}
	return max(pause, time.Millisecond)
}

// fill queues the accounts that are due, once a second. A look that ends at its bound is continued
// by the next one.
func (s *sender) fill(ctx context.Context) error {
	now := s.d.config.Now()
	s.mu.Lock()
	due := !now.Before(s.fillAt)
	if due {
		s.fillAt = now.Add(s.d.refresh)
	}
	room := queueMost - len(s.queue)
	s.mu.Unlock()
	if !due || room <= 0 {
		return nil
	}
	if s.place == "" {
		s.placeAt = now
	}
	for range lookMost {
		accounts, next, err := s.d.store.due(ctx, s.endpoint.Load().ID, s.placeAt, s.place, pageMost)
		s.place = next // the beginning after an error
		if err != nil {
			return err
		}
		for _, a := range accounts {
			if s.d.owns(a) {
				s.add(a)
				room--
			}
		}
		if room <= 0 {
			s.place = "" // the first of the list are sent first
		}
		if s.place == "" {
			break
		}
	}
	return nil
}

// start starts to send to the next account, and reports whether there was one and a place for it.
func (s *sender) start(ctx context.Context, flights *sync.WaitGroup) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := inFlightMost
	if s.failures >= failingAfter {
		most = 1
	}
	if len(s.queue) == 0 || len(s.flight) >= most || s.d.config.Now().Before(s.notUntil) {
		return false
	}
	shared := len(s.flight) > 0
	if shared {
		select {
		case s.d.places <- struct{}{}:
		default:
			return false
		}
	}
	a := s.queue[0]
	s.queue = s.queue[1:]
	delete(s.queued, a)
	sending, cancel := context.WithCancel(ctx)
	f := &flight{cancel: cancel, done: make(chan struct{})}
	s.flight[a] = f
	flights.Go(func() {
		defer close(f.done)
		defer cancel()
		more := s.d.owns(a) && s.deliver(sending, a)
		if shared {
			<-s.d.places
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.flight, a)
		if more || f.again {
			s.addLocked(a)
		}
		s.wake()
	})
	return true
}

// cancelForeign ends the attempts for accounts that this process does not send to any more, and
// waits for their end.
func (s *sender) cancelForeign() {
	var ending []*flight
	s.mu.Lock()
	for a, f := range s.flight {
		if !s.d.owns(a) {
			f.cancel()
			ending = append(ending, f)
		}
	}
	s.mu.Unlock()
	for _, f := range ending {
		<-f.done
	}
}

// noteOutcome remembers whether the endpoint answers.
func (s *sender) noteOutcome(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.failures, s.notUntil = 0, time.Time{}
		return
	}
	if s.failures++; s.failures >= failingAfter {
		s.notUntil = s.d.config.Now().Add(backoff.Of(firstPause, probePause, s.failures-failingAfter))
	}
}
