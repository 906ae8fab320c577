package backlog

import (
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
)

const (
	// DefaultMost bounds the compressed results of all bulk requests of a server, in bytes.
	// Each request may keep one more block uncompressed.
	DefaultMost = 32 << 20
	// blockBytes is how many bytes are compressed at once. Results are alike and shrink to a
	// tenth or less.
	blockBytes = 256 << 10
)

// Backlog keeps the results of a bulk request until its caller reads them, the newest as they are
// and the others compressed. It stays small for a caller that reads while it sends; for one that
// sends everything first it keeps all results. One goroutine adds, another takes.
type Backlog struct {
	total *atomic.Int64 // compressed bytes of all requests of the server
	most  int64         // the bound of total

	mu     sync.Mutex
	packed [][]byte // oldest first
	newest []byte
	taken  int // how often something was taken
	closed bool
	more   chan struct{} // of capacity one
}

// New returns a Backlog. total counts the compressed bytes of all Backlogs of a server, which most
// bounds.
func New(total *atomic.Int64, most int64) *Backlog {
	return &Backlog{total: total, most: most, more: make(chan struct{}, 1)}
}

// Add appends a result.
func (b *Backlog) Add(result []byte) {
	b.mu.Lock()
	b.newest = append(b.newest, result...)
	if len(b.newest) >= blockBytes {
		block := s2.Encode(nil, b.newest)
		b.packed = append(b.packed, block)
		b.total.Add(int64(len(block)))
		b.newest = b.newest[:0]
	}
	b.mu.Unlock()
	b.signal()
}

// Close ends the results.
func (b *Backlog) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.signal()
}

func (b *Backlog) signal() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// Take waits for results and returns the oldest, in the memory of those that were taken before. It
// returns none when all were taken and the backlog is closed.
func (b *Backlog) Take(before []byte) (results []byte, err error) {
	for {
		block, results, ended := b.pick(before)
		switch {
		case block != nil:
			return s2.Decode(before[:cap(before)], block)
		case len(results) > 0 || ended:
			return results, nil
		}
		<-b.more
	}
}

// pick returns the oldest block, or else the newest results, whose place in the backlog the memory
// of before takes.
func (b *Backlog) pick(before []byte) (block, results []byte, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.packed) > 0 {
		block = b.packed[0]
		b.packed[0], b.packed = nil, b.packed[1:]
		b.total.Add(-int64(len(block)))
		b.taken++
		return block, nil, false
	}
	if len(b.newest) > 0 {
		results, b.newest = b.newest, before[:0]
		b.taken++
		return nil, results, false
	}
	return nil, nil, b.closed
}

// Room reports whether more results may be added, and returns how often some were taken.
func (b *Backlog) Room() (ok bool, taken int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.packed) == 0 || b.total.Load() < b.most, b.taken
}

// Drop discards the results that nobody will take.
func (b *Backlog) Drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, block := range b.packed {
		b.total.Add(-int64(len(block)))
	}
	b.packed, b.newest = nil, nil
}
