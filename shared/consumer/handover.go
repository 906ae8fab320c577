package consumer

import (
	"context"
	"errors"
	"time"
)

// handOver ends every run, each after the batch in work. A reader that does not return in time is
// left behind: its lease runs out, and what it still writes is conditional. Its name is taken off
// the leases at once, so that nobody hands it a shard from then on, and at the end, for what was
// handed to it before that could be known and for leases that a reader could not give back.
func (w *Worker) handOver() error {
	defer close(w.quit)
	for _, r := range w.runs {
		r.hold.ask()
	}
	defer w.leave()
	deadline := time.NewTimer(handOffGrace + 2*time.Second)
	defer deadline.Stop()
	w.leave()
	var fatal error
	for len(w.runs) > 0 {
		select {
		case r := <-w.ended:
			fatal = errors.Join(fatal, w.finish(r))
		case <-deadline.C:
			w.runtime.Log.Error("readers left behind", "shards", len(w.runs))
			return fatal
		}
	}
	return fatal
}

// sign writes a lease that gets this worker's name, as its owner or its claim. Without an answer it
// may still be written later, even after this worker has ended: leave sees to that.
func (w *Worker) sign(ctx context.Context, l lease) (lease, bool) {
	l, err := w.leases.write(ctx, l)
	if err != nil && !errors.Is(err, errLost) {
		w.unsure[l.shard] = true
		w.note(stepLease, err)
		w.barred = w.runtime.Health.denied(err)
	}
	return l, err == nil
}

// leave takes this worker's name off the leases that no run has. An owner that will never read its
// shard would be waited for, a whole lease long, and a claim would make one of it.
func (w *Worker) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), min(handOffGrace, w.runtime.Lease/4))
	defer cancel()
	leases, err := w.leases.list(ctx)
	if err != nil {
		w.note(stepLease, err)
		return
	}
	for _, l := range leases {
		if w.runs[l.shard] == nil {
			w.note(stepLease, w.disown(ctx, l))
		}
	}
}

// disown takes this worker's name off a lease, however often others write it meanwhile. A lease
// whose last write was not answered is written in any case: that raises its epoch, so that a write
// which is still on its way fails.
func (w *Worker) disown(ctx context.Context, l lease) error {
	for unsure := w.unsure[l.shard]; ; unsure = false {
		next := l
		if next.claim == w.runtime.Owner {
			next.claim = ""
		}
		if next.owner == w.runtime.Owner {
			next.owner, next.claim = next.claim, ""
		}
		if next.same(l) && !unsure {
			return nil
		}
		written, err := w.leases.write(ctx, next)
		if err == nil {
			delete(w.unsure, l.shard)
		}
		if !errors.Is(err, errLost) {
			return err
		}
		l = written
	}
}
