package lines

import (
	"context"
	"sync/atomic"
)

// Window holds the lines of a request that are in progress, or wait for a line before them. One
// goroutine adds lines, another takes them in their order, each once it has ended.
type Window[T any] struct {
	lines        []atomic.Pointer[T]
	gone         []atomic.Pointer[chan struct{}] // closed when a line is taken, where somebody waits
	added, taken atomic.Uint64                   // how many there were
	closed       atomic.Bool
	room         chan struct{}
	// Changed wakes the goroutine that takes: the line whose turn it is was added or has changed,
	// or there are no more.
	Changed chan struct{}
}

// NewWindow returns a Window of at most so many lines.
func NewWindow[T any](most int) *Window[T] {
	return &Window[T]{
		lines: make([]atomic.Pointer[T], most), gone: make([]atomic.Pointer[chan struct{}], most),
		room: make(chan struct{}, 1), Changed: make(chan struct{}, 1),
	}
}

// tell wakes the goroutine that waits at a channel of capacity one, now or when it waits next.
func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Add waits for room, adds a line, and returns its number. It returns false when ctx ends first.
func (w *Window[T]) Add(ctx context.Context, line *T) (n uint64, ok bool) {
	n = w.added.Load()
	for n-w.taken.Load() >= uint64(len(w.lines)) {
		select {
		case <-w.room:
		case <-ctx.Done():
			return n, false
		}
	}
	w.lines[w.place(n)].Store(line)
	w.added.Store(n + 1)
	w.Change(n)
	return n, true
}

func (w *Window[T]) place(n uint64) uint64 { return n % uint64(len(w.lines)) }

// Change notes that a line has changed.
func (w *Window[T]) Change(n uint64) {
	if w.taken.Load() == n {
		tell(w.Changed)
	}
}

// Close ends the lines.
func (w *Window[T]) Close() {
	w.closed.Store(true)
	tell(w.Changed)
}

// First returns the line whose turn it is, nil if there is none yet, and reports whether one may
// still come.
func (w *Window[T]) First() (line *T, more bool) {
	more = !w.closed.Load()
	if n := w.taken.Load(); n < w.added.Load() {
		return w.lines[w.place(n)].Load(), true
	}
	return nil, more
}

// Take removes the line whose turn it is. Its place is free last: the channel of the next line
// there must not be closed for this one.
func (w *Window[T]) Take() {
	n := w.taken.Load()
	w.lines[w.place(n)].Store(nil)
	gone := w.gone[w.place(n)].Swap(nil)
	w.taken.Store(n + 1)
	if gone != nil {
		close(*gone)
	}
	tell(w.room)
}

// At returns a line, nil once it was taken. It is for the goroutine that adds.
func (w *Window[T]) At(n uint64) *T {
	if n < w.taken.Load() {
		return nil
	}
	return w.lines[w.place(n)].Load()
}

// WhenTaken returns what is closed when a line is taken, nil if it was: then all lines before it
// were too. It is for the goroutine that adds.
func (w *Window[T]) WhenTaken(n uint64) <-chan struct{} {
	at := &w.gone[w.place(n)]
	gone := at.Load()
	if gone == nil {
		c := make(chan struct{})
		gone = &c
		at.Store(gone)
	}
	if w.At(n) == nil { // Take may have looked before: the channel is for the next line there
		return nil
	}
	return *gone
}
