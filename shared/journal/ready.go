package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/table"
	"passbook/shared/writer"
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
	tick := time.NewTicker(min(writer.HeartbeatEvery, j.lease/4))
	defer tick.Stop()
	for {
		_ = j.peers.Refresh(ctx) // what is known stays, and is only older
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := j.writer.Renew(ctx); errors.Is(err, writer.ErrLeaseLost) {
			_ = j.writer.RenewSession(ctx) // the next tick tries again, and so does the next command
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
	silent, err := j.writer.Silent()
	switch {
	case err != nil:
		return fmt.Errorf("writer %s: %w", j.writer.ID(), err)
	case silent > j.lease:
		return fmt.Errorf("writer %s: no heartbeat written for %v", j.writer.ID(), silent.Round(time.Second))
	}
	j.trouble.mu.Lock()
	defer j.trouble.mu.Unlock()
	if t := &j.trouble; !t.since.IsZero() && (errors.Is(t.err, table.ErrRefused) || time.Since(t.since) > j.lease) {
		return fmt.Errorf("no entry was committed since %v: %w", time.Since(t.since).Round(time.Second), t.err)
	}
	return nil
}
