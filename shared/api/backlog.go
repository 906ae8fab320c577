package api

import (
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
)

const (
	// defaultMaxBacklog bounds the packed results of all bulk requests of a server, each of which
	// may keep one block besides.
	defaultMaxBacklog = 32 << 20
	// backlogBlock is how much is packed at once. Results are much alike, and pack to a tenth or
	// less.
	backlogBlock = 256 << 10
)

// backlog holds the results of a bulk request that its caller has not taken yet, the newest as they
// are and the others packed. Of a caller that reads while it sends it never holds much; one that
// sends everything before it reads finds all of it here. One goroutine adds, another takes.
type backlog struct {
	total *atomic.Int64 // bytes that all requests of the server have packed
	most  int64         // and may have

	mu     sync.Mutex
	packed [][]byte // oldest first
	newest []byte
	taken  int // how often something was taken
	closed bool
	more   chan struct{} // holds one
}

func newBacklog(total *atomic.Int64, most int64) *backlog {
	return &backlog{total: total, most: most, more: make(chan struct{}, 1)}
}

// add puts a result behind the others.
func (b *backlog) add(result []byte) {
	b.mu.Lock()
	b.newest = append(b.newest, result...)
	if len(b.newest) >= backlogBlock {
		block := s2.Encode(nil, b.newest)
		b.packed = append(b.packed, block)
		b.total.Add(int64(len(block)))
		b.newest = b.newest[:0]
	}
	b.mu.Unlock()
	b.signal()
}

// close says that no more results come.
func (b *backlog) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.signal()
}

func (b *backlog) signal() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// take waits for results and gives the oldest, in the memory of those that were taken before. There
// are none when all were taken and no more come.
func (b *backlog) take(before []byte) (results []byte, err error) {
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

// pick gives the oldest block, or else the newest results, for which it keeps the memory of those
// before.
func (b *backlog) pick(before []byte) (block, results []byte, ended bool) {
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

// room says whether more results may come, and how often some were taken.
func (b *backlog) room() (ok bool, taken int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.packed) == 0 || b.total.Load() < b.most, b.taken
}

// drop forgets what nobody will take.
func (b *backlog) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, block := range b.packed {
		b.total.Add(-int64(len(block)))
	}
	b.packed, b.newest = nil, nil
}
