package consumer

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// errStalled is the error of a reader that finished no iteration for a whole lease.
var errStalled = errors.New("consumer: the reader has made no progress for a whole lease")

// leaseKeeper renews a lease that this worker has, and saves the checkpoint in the same write. The
// reader only records its progress; run does the writing, so that a slow batch does not cost the
// lease. It may be used concurrently.
type leaseKeeper struct {
	leases leaseTable
	length time.Duration
	now    func() time.Time // the monotonic clock

	// handOver is closed when the shard is to be handed over after the batch in work.
	handOver chan struct{}
	// dirty receives when there is a checkpoint to save where there was none.
	dirty chan struct{}
	// writing has a token while a write is in progress: run, the reader and the worker that ends
	// the keeper take turns.
	writing chan struct{}

	mu         sync.Mutex
	lease      lease  // as last written
	checkpoint string // to be saved
	final      string // the position at the shard's end
	behind     time.Duration
	renewed    time.Time // when the last successful write began
	tried      time.Time // when run last began to write
	progressed time.Time // when the reader last finished an iteration
	handing    bool      // handOver is closed
}

func newLeaseKeeper(leases leaseTable, l lease, length time.Duration, began time.Time) *leaseKeeper {
	return &leaseKeeper{
		leases: leases, length: length, now: time.Now, handOver: make(chan struct{}), dirty: make(chan struct{}, 1),
		writing: make(chan struct{}, 1),
		lease:   l, checkpoint: l.checkpoint, renewed: began, progressed: time.Now(),
	}
}

// recordProgress records a finished iteration of the reader: up to where the shard may be
// checkpointed, "" for no change, and the distance from its tip.
func (k *leaseKeeper) recordProgress(checkpoint string, behind time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.progressed, k.behind = k.now(), behind
	if checkpoint == "" {
		return
	}
	clean := k.checkpoint == k.lease.checkpoint
	k.checkpoint = checkpoint
	if clean {
		select {
		case k.dirty <- struct{}{}:
		default:
		}
	}
}

// recordCaughtUp records that at a time the shard had no record after the checkpoint; at the trim
// horizon, that it had none at all.
func (k *leaseKeeper) recordCaughtUp(at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.checkpoint == "" {
		k.lease.begun = at.UTC()
	} else {
		k.lease.caughtUp = at.UTC()
	}
}

// recordEnd records the last iteration of a shard that ended. Its checkpoint is only ever saved as
// the end itself, as a handler may be unable to continue from it: an archive's chain of segments
// lacks the records without an entry.
func (k *leaseKeeper) recordEnd(checkpoint string) {
	k.recordProgress("", 0)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.final = checkpoint
}

// position returns the checkpoint, saved or about to be.
func (k *leaseKeeper) position() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return cmp.Or(k.final, k.checkpoint)
}

// written returns the lease as it was last written.
func (k *leaseKeeper) written() lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lease
}

// requestHandOver has the reader return after the batch in work.
func (k *leaseKeeper) requestHandOver() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.handing {
		k.handing = true
		close(k.handOver)
	}
}

// run renews the lease until ctx ends. It returns errLost or errStalled when the lease cannot be
// kept.
func (k *leaseKeeper) run(ctx context.Context) error {
	for {
		due, stalled := k.deadlines()
		timer := time.NewTimer(min(due, stalled))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-k.dirty: // due sooner
		case <-timer.C:
		}
		timer.Stop()
		if err := k.renew(ctx); err != nil {
			return err
		}
	}
}

// deadlines returns the time until the lease must be written, which is sooner when there is a
// checkpoint to save, and the time until the reader counts as stalled.
func (k *leaseKeeper) deadlines() (due, stalled time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	every := k.length / 4
	if k.checkpoint != k.lease.checkpoint {
		every = min(every, checkpointEvery)
	}
	written := k.renewed
	if k.tried.After(written) {
		written = k.tried
	}
	now := k.now()
	return written.Add(every).Sub(now), k.progressed.Add(k.length).Sub(now)
}

// renew writes the lease when that is due, and returns errLost or errStalled when it is no longer
// this worker's to keep.
func (k *leaseKeeper) renew(ctx context.Context) error {
	due, stalled := k.deadlines()
	switch {
	case stalled <= 0:
		return errStalled
	case due > 0:
		return nil
	}
	k.mu.Lock()
	k.tried = k.now()
	k.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, k.length/4)
	defer cancel()
	err := k.write(bounded, func(*lease) {})
	if errors.Is(err, errLost) {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil && k.now().Sub(k.renewed) >= k.length {
		return errLost
	}
	return nil
}

// write saves the lease with the newest checkpoint, after change was applied to it. When another
// write came first but left the lease to this worker, it writes again: that was another worker's
// claim, or an earlier write that was not answered.
func (k *leaseKeeper) write(ctx context.Context, change func(*lease)) error {
	select {
	case k.writing <- struct{}{}:
		defer func() { <-k.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		k.mu.Lock()
		began := k.now()
		before := k.lease
		next := before
		next.checkpoint, next.behind = k.checkpoint, k.behind
		k.mu.Unlock()
		change(&next)
		written, err := k.leases.write(ctx, next)
		ours := errors.Is(err, errLost) && written.owner == before.owner && written.created == before.created
		k.mu.Lock()
		switch {
		case ours:
			k.lease.epoch, k.lease.claim = written.epoch, written.claim
		case err == nil:
			written.begun, written.caughtUp = k.lease.begun, k.lease.caughtUp
			k.lease, k.renewed = written, began
		}
		k.mu.Unlock()
		if !ours {
			return err
		}
	}
}

// end saves that the shard was read to its end, and gives the lease up.
func (k *leaseKeeper) end(ctx context.Context) error {
	return k.write(ctx, func(l *lease) {
		l.checkpoint = shardEnd
		l.giveTo("")
	})
}

// rewind sets the checkpoint back, "" for the trim horizon. Reading continues there.
func (k *leaseKeeper) rewind(ctx context.Context, to string) error {
	k.mu.Lock()
	k.checkpoint = to
	k.lease.restart(time.Now())
	k.mu.Unlock()
	return k.write(ctx, func(*lease) {})
}

// release saves the checkpoint and gives the lease to the worker that claims it in the very row
// that is replaced, or to none: a worker that claimed it before may have ended since, and has then
// taken its claim back.
func (k *leaseKeeper) release(ctx context.Context) error {
	return k.write(ctx, func(l *lease) { l.giveTo(l.claim) })
}
