package segment

import (
	"fmt"
	"iter"
)

// Depth says how much of an entry a walk gives back and proves.
type Depth int

const (
	// FoldOnly gives what a fold needs: events, versions, times, prev and hash, but neither
	// commands nor the bytes of the data. Its integrity is that of the segment: the sum of the
	// pages, the counts, the order of the rows.
	FoldOnly Depth = iota
	// Exact gives the entry as it was on the stream, proves its hash, and proves every column of
	// its rows from it.
	Exact
)

// foldColumns are the columns of FoldOnly; it leaves the bulkiest ones compressed.
var foldColumns = []int{
	colTenant, colAccountID, colVersion, colEntryFirst, colEntryLast, colType, colSchema, colRecordedAt, colEffectiveAt,
	colArrivedAt, colCurrency, colPosted, colHeld, colLimit, colData, colEntryHash, colEntry, colSequence,
}

func (d Depth) columns() []int {
	if d == FoldOnly {
		return foldColumns
	}
	all := make([]int, columnCount)
	for i := range all {
		all[i] = i
	}
	return all
}

// EntryError says that the rows of one entry do not give an entry that they could have been made
// of.
type EntryError struct {
	// Key is the segment's.
	Key               string
	Tenant, AccountID string
	// First and Last are the versions that the rows are of.
	First, Last int64
	Err         error
}

// Error names the segment, the account and the versions.
func (e *EntryError) Error() string {
	return fmt.Sprintf("archive: %s: %s/%s v%d: %v", e.Key, e.Tenant, e.AccountID, e.First, e.Err)
}

// Unwrap gives ErrDamaged, or ErrNewer, and the cause.
func (e *EntryError) Unwrap() []error { return []error{damageKind(e.Err), e.Err} }

// Records walks the segment's entries in order of sequence number. Memory is bounded by a batch of
// rows and one page a column. An error that is an *EntryError is one entry's, and the walk can go
// on; any other is the last. Rows and entries are counted against the footer at the end. What the
// walk hands out is the caller's.
func (s *Segment) Records(depth Depth) iter.Seq2[Record, error] {
	return s.RecordsOf(depth, func(string, string) bool { return true })
}

// RecordsOf is Records of the accounts that keep selects by tenant and id. The others are passed
// over cheaply; order and counts are checked of all.
func (s *Segment) RecordsOf(depth Depth, keep func(tenant, account string) bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		c := newCursor(s.file, depth.columns())
		defer c.close()
		a := &assembler{segment: s, depth: depth, keep: keep}
		for {
			var end bool
			a.results = a.results[:0]
			err := s.guard(func() (err error) {
				end, err = a.batch(c)
				return err
			})
			for _, r := range a.results {
				if !yield(r.record, r.err) {
					return
				}
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			if end {
				return
			}
		}
	}
}
