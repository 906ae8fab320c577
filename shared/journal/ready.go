package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/table"
	"passbook/shared/writer"
)

// tend keeps the writer alive until ctx ends. It writes a heartbeat every second, begins a new
// session when the lease was lost, reads the rows of the other writers, and after a refusal tries
// whether the table still refuses. None of it may wait for a command, since none comes while Ready
// returns an error.
func (j *Journal) tend(ctx context.Context) {
	tick := time.NewTicker(min(writer.HeartbeatEvery, j.config.Lease/4))
	defer tick.Stop()
	for {
		_ = j.peers.Refresh(ctx) // what is known of them stays, and is only older
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := j.writer.Renew(ctx); errors.Is(err, writer.ErrLeaseLost) {
			_ = j.writer.RenewSession(ctx) // the next tick and the next command try again
		}
		if j.outage.Refused() {
			j.retry(ctx)
		}
	}
}

// retry ends the outage when the table no longer refuses this writer.
func (j *Journal) retry(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	if table.ProbePut(ctx, j.config.Table, Table) == nil {
		j.outage.End()
	}
}

// Ready returns why commands cannot be committed here, nil when they can: no heartbeat was written
// for a lease, no put of an entry was answered for as long, or the table refuses this writer. It
// makes no call.
func (j *Journal) Ready() error {
	silent, err := j.writer.Silent()
	switch {
	case err != nil:
		return fmt.Errorf("writer %s: %w", j.writer.ID(), err)
	case silent > j.config.Lease:
		return fmt.Errorf("writer %s: no heartbeat written for %v", j.writer.ID(), silent.Round(time.Second))
	}
	return j.outage.Lasting(j.config.Lease)
}
