package segment

import (
	"fmt"
	"iter"
)

// Depth selects how much of an entry Records returns and verifies.
type Depth int

const (
	// FoldOnly returns what a fold needs: events, versions, times, prev and hash, but neither
	// commands nor the bytes of the data. Its integrity is that of the segment: the checksum of the
	// pages, the counts, the order of the rows.
	FoldOnly Depth = iota
	// Exact returns the entry as it was on the stream, verifies its hash, and verifies that every
	// column of its rows follows from it.
	Exact
)

// at returns the indexes of the columns that a depth needs.
func (l *layout) at(d Depth) []int {
	if d == FoldOnly {
		return l.folds
	}
	all := make([]int, len(l.columns))
	for i := range all {
		all[i] = i
	}
	return all
}

// EntryError reports that the rows of one entry do not form an entry from which they follow.
type EntryError struct {
	// Key is the segment's.
	Key               string
	Tenant, AccountID string
	// First and Last are the versions of the rows.
	First, Last int64
	Err         error
}

// Error returns the segment, the account and the version, and what is wrong.
func (e *EntryError) Error() string {
	return fmt.Sprintf("segment %s: %s/%s v%d: %v", e.Key, e.Tenant, e.AccountID, e.First, e.Err)
}

// Unwrap returns ErrDamaged or ErrNewer, and the cause.
func (e *EntryError) Unwrap() []error { return []error{damageKind(e.Err), e.Err} }

// Records walks the segment's entries in order of sequence number. Memory is bounded by a batch of
// rows and one page of each column. An *EntryError concerns one entry, and the walk continues after
// it; any other error is the last. At the end, rows and entries are counted and compared with the
// footer. The caller may keep what it gets.
func (s *Segment) Records(depth Depth) iter.Seq2[Record, error] {
	return s.RecordsOf(depth, func(string, string) bool { return true })
}

// RecordsOf walks as Records does, but only the accounts that keep selects. The others cost little;
// order and counts are checked of all.
func (s *Segment) RecordsOf(depth Depth, keep func(tenant, account string) bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		c := newCursor(s, s.layout().at(depth))
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
