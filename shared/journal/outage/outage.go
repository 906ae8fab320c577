package outage

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/table"
)

// Watch is a time in which no put was answered: since when, and the last error. The zero Watch is
// none. It is safe for concurrent use.
type Watch struct {
	mu    sync.Mutex
	since time.Time
	err   error
}

// Note notes that a put was not answered.
func (w *Watch) Note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		w.since = time.Now()
	}
	w.err = err
}

// End ends the outage: the table has answered.
func (w *Watch) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.err = time.Time{}, nil
}

// Refused reports whether the table refuses the writer, which no repetition changes.
func (w *Watch) Refused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Is(w.err, table.ErrRefused)
}

// Lasting returns why no entry can be committed: the table refuses the writer, or has answered no
// put for as long as most. Otherwise it returns nil.
func (w *Watch) Lasting(most time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.since.IsZero() && (errors.Is(w.err, table.ErrRefused) || time.Since(w.since) > most) {
		return fmt.Errorf("no entry was committed for %v: %w", time.Since(w.since).Round(time.Second), w.err)
	}
	return nil
}
