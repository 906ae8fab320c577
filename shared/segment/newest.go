package segment

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"passbook/shared/bucket"
	"passbook/shared/event"
)

// EntryRef identifies an entry and its content.
type EntryRef struct {
	Tenant, AccountID string
	// First is the entry's first version.
	First int64
	Hash  event.Hash
	// Recorded is the time when it was recorded, in microseconds since 1970.
	Recorded int64
}

// Newest returns the entries of a segment that were recorded last, at most so many, the newest
// first. A journal that is older than the archive lacks these. They are found by time, since an
// entry that arrived late or again may be at the end of the segment.
func Newest(ctx context.Context, b bucket.Bucket, key string, most int) ([]EntryRef, error) {
	s, err := Open(ctx, b, key)
	if err != nil {
		return nil, err
	}
	var newest []EntryRef
	err = s.guard(func() (err error) {
		newest, err = s.newest(most)
		return err
	})
	return newest, err
}

func (s *Segment) newest(most int) ([]EntryRef, error) {
	c := newCursor(s, s.layout().refs)
	defer c.close()
	var kept []EntryRef
	for {
		rows, err := c.next()
		if err != nil {
			return nil, fmt.Errorf("newest entries: %w", err)
		}
		if len(rows) == 0 {
			return kept, nil
		}
		for i := range rows {
			kept = append(kept, EntryRef{rows[i].Tenant, rows[i].AccountID, rows[i].EntryFirst, rows[i].EntryHash, rows[i].RecordedAt})
		}
		slices.SortFunc(kept, func(a, b EntryRef) int {
			return cmp.Or(cmp.Compare(b.Recorded, a.Recorded), slices.Compare(a.Hash[:], b.Hash[:]))
		})
		kept = slices.CompactFunc(kept, func(a, b EntryRef) bool { return a.Hash == b.Hash })
		kept = kept[:min(most, len(kept))]
	}
}
