package journal

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/table"
)

// trouble is since when no put was answered, and what was heard instead. The zero trouble is none.
type trouble struct {
	mu    sync.Mutex
	since time.Time
	err   error
}

// note remembers that a put was not answered.
func (t *trouble) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = time.Now()
	}
	t.err = err
}

// over forgets it: the table has answered.
func (t *trouble) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since, t.err = time.Time{}, nil
}

// Ready says why commands cannot be committed here, nil when they can: the writer's heartbeat has failed for a lease, no put of an
// entry was answered for as long, or the table refuses this writer. It makes no call.
func (j *Journal) Ready() error {
	if silent := j.writer.silent(); silent > j.writer.lease {
		return fmt.Errorf("the writer's heartbeat fails since %v", silent.Round(time.Second))
	}
	j.trouble.mu.Lock()
	defer j.trouble.mu.Unlock()
	if t := &j.trouble; !t.since.IsZero() && (errors.Is(t.err, table.ErrRefused) || time.Since(t.since) > j.writer.lease) {
		return fmt.Errorf("no entry was committed since %v: %w", time.Since(t.since).Round(time.Second), t.err)
	}
	return nil
}

// silent is the time since the last heartbeat that succeeded.
func (w *writer) silent() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.current.renewed)
}
