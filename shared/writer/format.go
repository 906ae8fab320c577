package writer

import (
	"context"
	"slices"

	"passbook/shared/event"
)

// Origin gives the format of new entries, which only ever rises, and signs those that have a MAC.
type Origin interface {
	Format() int
	event.Signer
}

// Next is what an entry gets that is about to be put.
type Next struct {
	// ID is the session, and N the entry's counter in it.
	ID string
	N  int64
	// Format is the entry's format.
	Format int
}

// Next returns the session, the counter and the format of an entry that is about to be put. Where
// the lease might end before the put does, it begins a new session first, as others may publish the
// tail of the current one already.
func (w *Writer) Next(ctx context.Context) (Next, error) {
	if next, ok := w.assign(1); ok {
		return next, nil
	}
	if err := w.RenewSession(ctx); err != nil {
		return Next{}, err
	}
	next, ok := w.assign(1)
	if !ok {
		return Next{}, ErrLeaseLost
	}
	return next, nil
}

// NextEach returns what Next does for the first of n entries that are about to be put together; the
// others have the counters after it. It makes no call: it returns false where Next would begin a
// session.
func (w *Writer) NextEach(n int) (first Next, ok bool) {
	return w.assign(int64(n))
}

// assign takes the next n counters, if the lease outlasts a put, and then asks for the format: the
// heartbeat that first sees a newer format knows so which counters may have the older one.
func (w *Writer) assign(n int64) (first Next, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.current
	if !w.outlastsPut(s) {
		return Next{}, false
	}
	s.assigned += n
	return Next{s.id, s.assigned - n + 1, w.newest()}, true
}

// newest returns the format of an entry that is begun now.
func (w *Writer) newest() int {
	if w.config.Origin == nil {
		return 1
	}
	return w.config.Origin.Format()
}

// declare returns the entry format that a row says the writer writes. It follows a newer format
// only when every entry of an older one, in this session and the former ones, is on the stream or
// was never committed: its reader may conclude that this process commits no such entry any more.
// The caller has the lock.
func (w *Writer) declare(format int) int {
	sessions := make([]*session, 0, len(w.former)+1)
	for _, s := range w.former {
		sessions = append(sessions, s)
	}
	if w.current != nil {
		sessions = append(sessions, w.current)
	}
	if format > w.format {
		w.format = format
		for _, s := range sessions {
			s.older = s.assigned
		}
	}
	if !slices.ContainsFunc(sessions, func(s *session) bool { return s.published < s.older }) {
		w.writes = w.format
	}
	return w.writes
}
