package listener

import (
	"container/list"
	"sync"

	"passbook/shared/admission"
)

// crowd is all connections that are open, and whose they are. A connection is somebody's from the
// first request on that the server has claimed it for.
type crowd struct {
	most int

	mu   sync.Mutex
	open int
	shed int64
	held map[admission.Caller]int
	// strangers are the connections of nobody yet, the oldest first.
	strangers list.List // of *conn
}

func newCrowd(most int) *crowd { return &crowd{most: most, held: map[admission.Caller]int{}} }

// admit counts a new connection, or reports that there is no room. Where all connections are taken,
// the oldest that is nobody's is closed for it: a caller with credentials shows them at once.
func (w *crowd) admit(c *conn) bool {
	w.mu.Lock()
	var oldest *conn
	if w.open >= w.most {
		w.shed++
		first := w.strangers.Front()
		if first == nil {
			w.mu.Unlock()
			return false
		}
		oldest = first.Value.(*conn)
		w.drop(oldest)
	}
	w.open++
	c.at = w.strangers.PushBack(c)
	w.mu.Unlock()
	if oldest != nil {
		_ = oldest.raw.Close() // nobody can do anything about an error of that
	}
	return true
}

// drop forgets a connection. It may be called twice.
func (w *crowd) drop(c *conn) {
	switch {
	case c.gone:
		return
	case c.at != nil:
		w.strangers.Remove(c.at)
		c.at = nil
	default:
		if w.held[c.who]--; w.held[c.who] == 0 {
			delete(w.held, c.who)
		}
	}
	c.gone = true
	w.open--
}

// leave forgets a connection that is closed.
func (w *crowd) leave(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(c)
}

// claim makes a connection a caller's, and reports whether the caller's share allows it.
func (w *crowd) claim(c *conn, who admission.Caller) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case c.gone: // it is closed already
		return false
	case who != admission.Caller{} && w.held[who] >= max(w.most/2, 1):
		w.shed++
		return false
	case c.at != nil:
		w.strangers.Remove(c.at)
		c.at = nil
	default:
		if w.held[c.who]--; w.held[c.who] == 0 {
			delete(w.held, c.who)
		}
	}
	w.held[who]++
	c.who = who
	return true
}

// State is what the metrics show of the connections.
type State struct {
	// Open is how many there are, Strangers how many of them are nobody's, Limit the most.
	Open, Strangers, Limit int
	// Shed counts those that were closed or refused because too many were open.
	Shed int64
}

// State returns how many connections there are.
func (l *Listener) State() State {
	l.crowd.mu.Lock()
	defer l.crowd.mu.Unlock()
	return State{Open: l.crowd.open, Strangers: l.crowd.strangers.Len(), Limit: l.crowd.most, Shed: l.crowd.shed}
}
