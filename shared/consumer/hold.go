package consumer

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// errStalled: the reader finished no iteration for a whole lease.
var errStalled = errors.New("consumer: reader stalled")

// hold is a lease in this worker's hands: it renews it, and saves the checkpoint in the same write.
// Its reader says how far it is; keep does the writing, so that a slow batch does not cost the
// lease.
type hold struct {
	leases leaseTable
	length time.Duration
	now    func() time.Time // the monotonic clock

	// asked is closed when the shard is to be handed over after the batch in work.
	asked chan struct{}
	// dirty says that there is a checkpoint to save where there was none.
	dirty chan struct{}
	// writing holds a token while a write is in work: keep, the reader and the worker that ends it
	// take turns.
	writing chan struct{}

	mu         sync.Mutex
	lease      lease
	checkpoint string // to be saved
	final      string // the position at the shard's end
	behind     time.Duration
	renewed    time.Time // when the last successful write began
	tried      time.Time // when keep last began to write
	progressed time.Time // when the reader last finished an iteration
	handing    bool      // asked is closed
}

func newHold(leases leaseTable, l lease, length time.Duration, began time.Time) *hold {
	return &hold{
		leases: leases, length: length, now: time.Now, asked: make(chan struct{}), dirty: make(chan struct{}, 1),
		writing: make(chan struct{}, 1),
		lease:   l, checkpoint: l.checkpoint, renewed: began, progressed: time.Now(),
	}
}

// progress notes a finished iteration, what may be checkpointed ("" for nothing new), and how far
// the reader is behind.
func (h *hold) progress(checkpoint string, behind time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.progressed, h.behind = h.now(), behind
	if checkpoint == "" {
		return
	}
	clean := h.checkpoint == h.lease.checkpoint
	h.checkpoint = checkpoint
	if clean {
		select {
		case h.dirty <- struct{}{}:
		default:
		}
	}
}

// caughtUp notes that nothing arrived before a time that is not at or before the checkpoint: on a
// shard that is at its trim horizon, nothing at all.
func (h *hold) caughtUp(before time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.checkpoint == "" {
		h.lease.begun = before.UTC()
	} else {
		h.lease.caughtUp = before.UTC()
	}
}

// finished notes the last iteration of a shard that ended. Its checkpoint is only ever saved as the
// end itself: it may lie beyond what a handler can go on from, as an archive's chain of segments
// that lacks the records which hold no entry.
func (h *hold) finished(checkpoint string) {
	h.progress("", 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.final = checkpoint
}

// position is the checkpoint, saved or about to be.
func (h *hold) position() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return cmp.Or(h.final, h.checkpoint)
}

// held is the lease as it was last written.
func (h *hold) held() lease {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lease
}

// ask has the shard handed over.
func (h *hold) ask() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.handing {
		h.handing = true
		close(h.asked)
	}
}

// keep renews until ctx ends, and returns why the lease cannot be kept: errLost or errStalled.
func (h *hold) keep(ctx context.Context) error {
	for {
		due, stalled := h.left()
		timer := time.NewTimer(min(due, stalled))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-h.dirty: // due sooner
		case <-timer.C:
		}
		timer.Stop()
		if err := h.beat(ctx); err != nil {
			return err
		}
	}
}

// left is the time until the lease is to be written, which is sooner when there is a checkpoint to
// save, and until its reader counts as stalled.
func (h *hold) left() (due, stalled time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	every := h.length / 4
	if h.checkpoint != h.lease.checkpoint {
		every = min(every, checkpointEvery)
	}
	written := h.renewed
	if h.tried.After(written) {
		written = h.tried
	}
	now := h.now()
	return written.Add(every).Sub(now), h.progressed.Add(h.length).Sub(now)
}

// beat writes the lease when that is due, and judges whether it is still ours.
func (h *hold) beat(ctx context.Context) error {
	due, stalled := h.left()
	switch {
	case stalled <= 0:
		return errStalled
	case due > 0:
		return nil
	}
	h.mu.Lock()
	h.tried = h.now()
	h.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, h.length/4)
	defer cancel()
	err := h.write(bounded, func(*lease) {})
	if errors.Is(err, errLost) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil && h.now().Sub(h.renewed) >= h.length {
		return errLost
	}
	return nil
}

// write saves the lease with the newest checkpoint, changed as told. A write of the lease that left
// it ours does not end it: that was another worker asking for the shard, or this one before it got
// no answer.
func (h *hold) write(ctx context.Context, change func(*lease)) error {
	select {
	case h.writing <- struct{}{}:
		defer func() { <-h.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		h.mu.Lock()
		began := h.now()
		before := h.lease
		next := before
		next.checkpoint, next.behind = h.checkpoint, h.behind
		h.mu.Unlock()
		change(&next)
		written, err := h.leases.write(ctx, next)
		ours := errors.Is(err, errLost) && written.owner == before.owner && written.created == before.created
		h.mu.Lock()
		switch {
		case ours:
			h.lease.epoch, h.lease.claim = written.epoch, written.claim
		case err == nil:
			written.begun, written.caughtUp = h.lease.begun, h.lease.caughtUp
			h.lease, h.renewed = written, began
		}
		h.mu.Unlock()
		if !ours {
			return err
		}
	}
}

// end saves that the shard was read to its end, and frees the lease.
func (h *hold) end(ctx context.Context) error {
	return h.write(ctx, func(l *lease) { l.checkpoint, l.owner, l.claim = shardEnd, "", "" })
}

// rewind sets the checkpoint back, "" to the trim horizon: reading continues there.
func (h *hold) rewind(ctx context.Context, to string) error {
	h.mu.Lock()
	h.checkpoint = to
	h.lease.restart(time.Now())
	h.mu.Unlock()
	return h.write(ctx, func(*lease) {})
}

// give saves the checkpoint and hands the lease to whoever claims it in the very row that is
// replaced, or to anyone: who claimed it before may have ended since, and has taken the claim back.
func (h *hold) give(ctx context.Context) error {
	return h.write(ctx, func(l *lease) { l.owner, l.claim = l.claim, "" })
}
