package feed

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"passbook/shared/stream"
)

const (
	// maxPast and maxNewest bound the records of all feeds of a process that were read and are not
	// sent yet: those of single reads of the stream, and those of the newest records.
	maxPast   = 64 << 20
	maxNewest = 32 << 20
	// memoryWait is how long a feed waits for the memory of newest records until it ends.
	memoryWait = 30 * time.Second
	// heldFor is how long a reader may take for a batch of past records while other feeds wait for
	// its memory.
	heldFor = time.Minute
)

// memory is a budget of bytes.
type memory struct {
	free *semaphore.Weighted
	// wait is how long hold waits, 0 for as long as its context lasts.
	wait    time.Duration
	waiting atomic.Int64
}

func newMemory(bytes int64, wait time.Duration) *memory {
	return &memory{free: semaphore.NewWeighted(bytes), wait: wait}
}

// holding is a part of a budget that is in use. A nil one holds nothing. It is not safe for
// concurrent use.
type holding struct {
	of    *memory
	bytes int64
	turn  *turn // that release ends, nil for none
}

// hold takes bytes from the budget, and waits for them. It returns errBusy if there are none for
// long.
func (m *memory) hold(ctx context.Context, bytes int64) (*holding, error) {
	if m.free.TryAcquire(bytes) {
		return &holding{of: m, bytes: bytes}, nil
	}
	m.waiting.Add(1)
	defer m.waiting.Add(-1)
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if m.wait > 0 {
		waiting, cancel = context.WithTimeout(ctx, m.wait)
	}
	defer cancel()
	if err := m.free.Acquire(waiting, bytes); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: no memory for a batch within %v", errBusy, m.wait)
	}
	return &holding{of: m, bytes: bytes}, nil
}

// shrink gives back what records do not need.
func (h *holding) shrink(records []stream.Delivered) {
	var need int64
	for _, r := range records {
		need += int64(len(r.Data) + len(r.PartitionKey))
	}
	if unused := h.bytes - need; unused > 0 {
		h.of.free.Release(unused)
		h.bytes = need
	}
	if h.turn != nil && len(records) > 0 {
		h.turn.began(time.Now())
	}
}

// release gives back everything.
func (h *holding) release() {
	if h == nil {
		return
	}
	h.of.free.Release(h.bytes)
	h.bytes = 0
	if h.turn != nil {
		h.turn.end()
		h.turn = nil
	}
}

// turn lets the lanes of a connection have one batch of past records at a time, so that a reader
// holds no more memory than that, however many shards it is behind on.
type turn struct {
	memory *memory
	one    *semaphore.Weighted

	mu    sync.Mutex
	since time.Time // when the batch was read, zero if there is none
}

func newTurn(m *memory) *turn { return &turn{memory: m, one: semaphore.NewWeighted(1)} }

// hold takes memory for a batch once the one before is released.
func (t *turn) hold(ctx context.Context, bytes int64) (*holding, error) {
	if err := t.one.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	held, err := t.memory.hold(ctx, bytes)
	if err != nil {
		t.one.Release(1)
		return nil, err
	}
	held.turn = t
	return held, nil
}

func (t *turn) began(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since = at
}

func (t *turn) end() {
	t.began(time.Time{})
	t.one.Release(1)
}

// check returns errSlow if the connection has had its batch for long, and other feeds wait for
// memory.
func (t *turn) check() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() || time.Since(t.since) <= heldFor || t.memory.waiting.Load() == 0 {
		return nil
	}
	return fmt.Errorf("%w: it has had a batch for %v, and other feeds wait for its memory", errSlow, time.Since(t.since).Round(time.Second))
}
