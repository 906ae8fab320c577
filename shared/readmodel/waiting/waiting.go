package waiting

import (
	"sync"
	"sync/atomic"
)

// Readers wakes the readers that wait for an account's row. It may be used concurrently.
type Readers struct {
	count    atomic.Int64
	mu       sync.Mutex
	accounts map[string]*subscription
}

// subscription is shared by the readers that wait for the same account.
type subscription struct {
	woken   chan struct{}
	readers int
}

// Subscribe returns a channel that is closed at the account's next write. unsubscribe MUST be
// called.
func (w *Readers) Subscribe(account string) (woken <-chan struct{}, unsubscribe func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Add(1)
	if w.accounts == nil {
		w.accounts = map[string]*subscription{}
	}
	s := w.accounts[account]
	if s == nil {
		s = &subscription{woken: make(chan struct{})}
		w.accounts[account] = s
	}
	s.readers++
	return s.woken, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.count.Add(-1)
		if s.readers--; s.readers == 0 && w.accounts[account] == s {
			delete(w.accounts, account)
		}
	}
}

// Wake wakes the readers of an account whose row was written. Without any waiting reader, which is
// the usual case, it costs one atomic load.
func (w *Readers) Wake(account string) {
	if w.count.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.accounts[account]; s != nil {
		delete(w.accounts, account)
		close(s.woken)
	}
}
