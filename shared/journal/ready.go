package journal

import (
	"context"
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

// refused says that the last put was refused for good.
func (t *trouble) refused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Is(t.err, table.ErrRefused)
}

// tend keeps the writer alive until ctx ends: it saves the progress once a second, takes a new id
// when the lease was lost, reads how far the other writers are, and after a refusal tries whether
// the table still refuses. None of it may wait for a command, since none comes while Ready says no.
func (j *Journal) tend(ctx context.Context) {
	tick := time.NewTicker(min(heartbeatEvery, j.writer.lease/4))
	defer tick.Stop()
	for {
		_ = j.peers.look(ctx, j.table, j.writer.owns) // what is known stays, and is only older
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := j.writer.renew(ctx); errors.Is(err, errLeaseLost) {
			_ = j.writer.retake(ctx) // the next tick tries again, and so does the next command
		}
		if j.trouble.refused() {
			j.retry(ctx)
		}
	}
}

// retry finds out whether the table still refuses this writer.
func (j *Journal) retry(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	if table.Try(ctx, j.table, Table) == nil {
		j.trouble.over()
	}
}

// Ready says why commands cannot be committed here, nil when they can: the writer's heartbeat has
// failed for a lease, no put of an entry was answered for as long, or the table refuses this
// writer. It makes no call.
func (j *Journal) Ready() error {
	switch renewed := j.writer.renewed(); {
	case renewed.IsZero():
		return errLeaseLost
	case time.Since(renewed) > j.writer.lease:
		return fmt.Errorf("the writer's heartbeat fails since %v", time.Since(renewed).Round(time.Second))
	}
	j.trouble.mu.Lock()
	defer j.trouble.mu.Unlock()
	if t := &j.trouble; !t.since.IsZero() && (errors.Is(t.err, table.ErrRefused) || time.Since(t.since) > j.writer.lease) {
		return fmt.Errorf("no entry was committed since %v: %w", time.Since(t.since).Round(time.Second), t.err)
	}
	return nil
}

// renewed is when the last heartbeat that succeeded began, zero after the lease was lost.
func (w *writer) renewed() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current.renewed
}
