package feed

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"passbook/shared/stream"
)

const (
	// maxPast and maxNewest bound the records of all feeds of a process that were read and are not
	// sent yet: those of single reads of the stream, and those of the newest records.
	maxPast   = 64 << 20
	maxNewest = 32 << 20
	// memoryWait is how long a feed waits for memory until it ends.
	memoryWait = 30 * time.Second
)

// memory is a budget of bytes.
type memory struct {
	free *semaphore.Weighted
	wait time.Duration
}

func newMemory(bytes int64) *memory { return &memory{semaphore.NewWeighted(bytes), memoryWait} }

// holding is a part of a budget that is in use. A nil one holds nothing. It is not safe for
// concurrent use.
type holding struct {
	of    *memory
	bytes int64
}

// hold takes bytes from the budget, and waits for them. It returns errBusy if there are none for
// long.
func (m *memory) hold(ctx context.Context, bytes int64) (*holding, error) {
	waiting, cancel := context.WithTimeout(ctx, m.wait)
	defer cancel()
	if err := m.free.Acquire(waiting, bytes); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: no memory for a batch within %v", errBusy, m.wait)
	}
	return &holding{m, bytes}, nil
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
}

// release gives back everything.
func (h *holding) release() {
	if h != nil {
		h.of.free.Release(h.bytes)
		h.bytes = 0
	}
}
