package consumer

import (
	"context"
	"errors"
	"time"
)

// handOver ends every run after the batch in work. A reader that does not return in time is left
// behind: its lease expires, and what it still writes is conditional. The worker's name is removed
// from the leases twice: at once, so that no other worker hands it a shard from then on, and at the
// end, for shards that were handed to it before that, and leases that a reader could not release.
func (w *Worker) handOver() error {
	defer close(w.quit)
	for _, r := range w.runs {
		r.keeper.requestHandOver()
	}
	defer w.deregister()
	deadline := time.NewTimer(handOverGrace + 2*time.Second)
	defer deadline.Stop()
	w.deregister()
	var fatal error
	for len(w.runs) > 0 {
		select {
		case r := <-w.ended:
			fatal = errors.Join(fatal, w.finish(r))
		case <-deadline.C:
			w.runtime.Log.Error("readers have not returned in time and are left behind; their leases expire", "shards", len(w.runs))
			return fatal
		}
	}
	return fatal
}

// writeLease writes a lease that gets this worker's name, as its owner or its claim, and reports
// whether it was written. A write without an answer may still be applied, even after this worker
// has ended; deregister takes care of that.
func (w *Worker) writeLease(ctx context.Context, l lease) (lease, bool) {
	l, err := w.leases.write(ctx, l)
	if err != nil && !errors.Is(err, errLost) {
		w.unconfirmed[l.shard] = true
		w.noteFailure(stepLease, err)
		w.leaseErr = w.runtime.Health.fatalIfRefused(err)
	}
	return l, err == nil
}

// deregister removes this worker's name from the leases that no run has. Other workers would wait a
// whole lease for an owner that never reads its shard, and a claim could make this worker one.
func (w *Worker) deregister() {
	ctx, cancel := context.WithTimeout(context.Background(), min(handOverGrace, w.runtime.Lease/4))
	defer cancel()
	leases, err := w.leases.list(ctx)
	if err != nil {
		w.noteFailure(stepLease, err)
		return
	}
	for _, l := range leases {
		if w.runs[l.shard] == nil {
			w.noteFailure(stepLease, w.removeName(ctx, l))
		}
	}
}

// removeName removes this worker's name from a lease, and repeats that while other workers write
// it. A lease whose last write was not answered is written in any case: that raises its epoch, so
// that a write still in flight fails.
func (w *Worker) removeName(ctx context.Context, l lease) error {
	for unconfirmed := w.unconfirmed[l.shard]; ; unconfirmed = false {
		next := l
		if next.claim == w.runtime.Owner {
			next.claim = ""
		}
		if next.owner == w.runtime.Owner {
			next.giveTo(next.claim)
		}
		if next.same(l) && !unconfirmed {
			return nil
		}
		written, err := w.leases.write(ctx, next)
		if err == nil {
			delete(w.unconfirmed, l.shard)
		}
		if !errors.Is(err, errLost) {
			return err
		}
		l = written
	}
}
