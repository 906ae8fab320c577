package series

import (
	"context"
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/outline"
	"passbook/shared/money"
)

const (
	// blockVersions is how many versions a block has. Block 0 begins at version 1.
	blockVersions = 1000
	// maxBlocks bounds the blocks in memory, of all accounts: 32 MB of amounts and times.
	maxBlocks = 1000
	// readers is how many blocks of one series are read at a time.
	readers = 4
)

// amounts is what an account has after a version, and when that version was recorded, in
// microseconds of Unix time.
type amounts struct{ posted, available, limit, at int64 }

// after returns the amounts after an event.
func after(e outline.Event) amounts {
	a := e.After
	return amounts{posted: a.Posted, available: min(a.Posted-a.Held+a.Limit, money.Max), limit: a.Limit, at: e.RecordedAt.UnixMicro()}
}

// Reader reads series from the journal. It keeps blocks of versions in memory, and may be used
// concurrently.
type Reader struct {
	journal *journal.Reader
	blocks  *lru.Cache[blockKey, []amounts]
	// turns lets one goroutine at a time read a block: the others find what it read.
	turns [64]sync.Mutex
}

type blockKey struct {
	account event.Account
	index   int64
}

// NewReader returns a Reader of the histories in the journal.
func NewReader(r *journal.Reader) *Reader {
	blocks, err := lru.New[blockKey, []amounts](maxBlocks)
	if err != nil {
		panic(fmt.Sprintf("series: cache of %d blocks: %v", maxBlocks, err)) // only for a size below 1
	}
	return &Reader{journal: r, blocks: blocks}
}

// versions returns the amounts after each of the versions from..to, which must exist.
func (r *Reader) versions(ctx context.Context, of event.Account, from, to int64) ([]amounts, error) {
	first, last := (from-1)/blockVersions, (to-1)/blockVersions
	blocks := make([][]amounts, last-first+1)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i := range blocks {
		g.Go(func() (err error) {
			index := first + int64(i)
			blocks[i], err = r.block(ctx, blockKey{of, index}, min((index+1)*blockVersions, to)-index*blockVersions)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := make([]amounts, 0, to-from+1)
	for i, block := range blocks {
		begin := (first + int64(i)) * blockVersions // versions before the block
		all = append(all, block[max(from-1-begin, 0):min(to-begin, blockVersions)]...)
	}
	return all, nil
}

// block returns at least the first count versions of a block. The block of the account's head
// grows: what is in memory of it is kept, and only the versions after that are read.
func (r *Reader) block(ctx context.Context, key blockKey, count int64) ([]amounts, error) {
	if known, ok := r.blocks.Get(key); ok && int64(len(known)) >= count {
		return known, nil
	}
	turn := &r.turns[key.index%int64(len(r.turns))]
	turn.Lock()
	defer turn.Unlock()
	known, _ := r.blocks.Get(key)
	if int64(len(known)) >= count {
		return known, nil
	}
	begin := key.index * blockVersions
	block := append(make([]amounts, 0, count), known...)
	for e, err := range outline.Read(ctx, r.journal, key.account, begin+int64(len(known))+1, begin+count) {
		if err != nil {
			return nil, err
		}
		block = append(block, after(e))
	}
	r.blocks.Add(key, block)
	return block, nil
}
