package spill

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"passbook/shared/archive"
	"passbook/shared/event"
)

// Sorter sorts records by account. First records are added, by any goroutine, then parts are
// visited, one at a time.
type Sorter struct {
	limits Limits
	chunk  int
	parts  []part
	file   file
	// full is the size of the chunks that are full and in memory.
	full atomic.Int64
}

// part has the records of one part of the accounts, in the order in which they were added.
type part struct {
	mu     sync.Mutex
	blocks []block  // those in the file
	chunks [][]byte // those after them, in memory
	open   []byte   // the chunk that is being filled
}

// NewSorter returns an empty Sorter that divides the accounts into parts. Close it after use.
func NewSorter(l Limits, parts int) *Sorter {
	return &Sorter{limits: l, chunk: l.chunk(parts), parts: make([]part, parts), file: file{dir: l.Dir}}
}

// Parts returns how many parts there are.
func (s *Sorter) Parts() int { return len(s.parts) }

// Close removes the records.
func (s *Sorter) Close() error {
	s.parts = nil
	return s.file.close()
}

// Add adds a record of an account, of which it keeps a copy.
func (s *Sorter) Add(a event.Account, record []byte) error {
	p := &s.parts[archive.Part(a.Tenant, a.ID, len(s.parts))]
	p.mu.Lock()
	defer p.mu.Unlock()
	if need := len(a.Tenant) + len(a.ID) + len(record) + 3*binary.MaxVarintLen32; cap(p.open)-len(p.open) < need {
		err := s.replace(p, need)
		if err != nil {
			return err
		}
	}
	p.open = appendRecord(p.open, a, record)
	return nil
}

// replace puts an empty chunk in the place of the open one, and writes that, and those before it,
// if there are too many in memory.
func (s *Sorter) replace(p *part, need int) error {
	if len(p.open) > 0 {
		p.chunks = append(p.chunks, p.open)
	}
	full, reuse := s.full.Add(int64(len(p.open))), p.open[:0]
	p.open = nil
	if full > s.limits.unwritten() {
		for _, c := range p.chunks {
			written, err := s.file.write(c)
			if err != nil {
				return err
			}
			p.blocks = append(p.blocks, written)
			s.full.Add(-int64(len(c)))
		}
		p.chunks, p.open = nil, reuse
	}
	if cap(p.open) < need {
		p.open = make([]byte, 0, max(need, s.chunk))
	}
	return nil
}

// Visit visits each account of a part, with its records, in order of tenant and id, and several at
// once. The records may be kept. A part is visited once.
func (s *Sorter) Visit(ctx context.Context, number, atOnce int, visit func(context.Context, event.Account, [][]byte) error) error {
	found, err := s.load(ctx, &s.parts[number])
	if err != nil {
		return err
	}
	most := s.limits.decoded()
	room := semaphore.NewWeighted(most)
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(max(1, atOnce))
	for i := range found {
		of := found[i]
		found[i] = account{}
		need := min(of.size*grows, most)
		if room.Acquire(within, need) != nil { // within ended
			break
		}
		group.Go(func() error {
			defer room.Release(need)
			return visit(within, of.account, of.records)
		})
	}
	err = group.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// account has the records of one account.
type account struct {
	account event.Account
	records [][]byte
	size    int64
}

// load reads a part into memory and drops it from the Sorter.
func (s *Sorter) load(ctx context.Context, p *part) ([]account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := grouped{at: map[string]int{}}
	for _, b := range p.blocks {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		chunk, err := s.file.read(b)
		if err != nil {
			return nil, err
		}
		found.add(chunk)
	}
	for _, chunk := range append(p.chunks, p.open) {
		found.add(chunk)
	}
	p.blocks, p.chunks, p.open = nil, nil, nil
	slices.SortFunc(found.all, func(a, b account) int {
		return cmp.Or(cmp.Compare(a.account.Tenant, b.account.Tenant), cmp.Compare(a.account.ID, b.account.ID))
	})
	return found.all, nil
}

// grouped has the records of accounts by account.
type grouped struct {
	all []account
	at  map[string]int // by the account as appendRecord writes it
}

// add adds the records of a chunk, in which they remain.
func (g *grouped) add(chunk []byte) {
	for len(chunk) > 0 {
		tenant, rest := take(chunk)
		id, rest := take(rest)
		key := chunk[:len(chunk)-len(rest)]
		record, rest := take(rest)
		i, known := g.at[string(key)]
		if !known {
			i = len(g.all)
			g.at[string(key)] = i
			g.all = append(g.all, account{account: event.Account{Tenant: string(tenant), ID: string(id)}})
		}
		of := &g.all[i]
		of.records, of.size = append(of.records, record), of.size+int64(len(record))
		chunk = rest
	}
}

// appendRecord appends a record with its account.
func appendRecord(dst []byte, a event.Account, record []byte) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(len(a.Tenant))), a.Tenant...)
	dst = append(binary.AppendUvarint(dst, uint64(len(a.ID))), a.ID...)
	return append(binary.AppendUvarint(dst, uint64(len(record))), record...)
}

// take cuts off the first of the values that appendRecord wrote. Chunks have a checksum, so that
// nothing else comes.
func take(chunk []byte) (value, rest []byte) {
	n, size := binary.Uvarint(chunk)
	if size <= 0 || n > uint64(len(chunk)-size) {
		panic(fmt.Sprintf("spill: a value of %d bytes in %d", n, len(chunk)))
	}
	end := size + int(n)
	return chunk[size:end:end], chunk[end:]
}
