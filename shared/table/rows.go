package table

import (
	"context"
	"iter"
	"time"
)

// Rows yields the rows of a query in its order, from q.After to the end of the partition. It reads
// page after page; q.Limit is the most rows of one page. An error of a page is yielded once, as the
// last element and as the table returned it.
func Rows(ctx context.Context, t Table, q Query) iter.Seq2[Row, error] {
	return rows(q.After, func(after string) (Page, error) {
		q := q
		q.After = after
		return t.Query(ctx, q)
	})
}

// ScanRows yields the rows of a scan's segment, from s.After to its end, in no promised order. It
// reads page after page. An error of a page is yielded once, as the last element and as the table
// returned it.
func ScanRows(ctx context.Context, t Table, s Scan) iter.Seq2[Row, error] {
	return rows(s.After, func(after string) (Page, error) {
		s := s
		s.After = after
		return t.Scan(ctx, s)
	})
}

// rows yields the rows of the pages that read returns.
func rows(after string, read func(after string) (Page, error)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for after := after; ; {
			page, err := read(after)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if after = page.After; after == "" {
				return
			}
		}
	}
}

// WithTimeout returns t with a timeout for every call, in addition to the deadline of the call's
// context. With Rows and ScanRows it bounds each page and not the whole.
func WithTimeout(t Table, timeout time.Duration) Table { return timed{t, timeout} }

type timed struct {
	Table
	timeout time.Duration
}

// Get implements Table.
func (t timed) Get(ctx context.Context, table string, key Key, consistent bool) (Row, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.Table.Get(ctx, table, key, consistent)
}

// Query implements Table.
func (t timed) Query(ctx context.Context, q Query) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.Table.Query(ctx, q)
}

// Put implements Table.
func (t timed) Put(ctx context.Context, p Put) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.Table.Put(ctx, p)
}

// PutEach implements Table. The timeout is that of the whole call.
func (t timed) PutEach(ctx context.Context, puts []Put) []error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.Table.PutEach(ctx, puts)
}

// Delete implements Table.
func (t timed) Delete(ctx context.Context, table string, key Key, cond Condition) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.Table.Delete(ctx, table, key, cond)
}

// Transact implements Table.
func (t timed) Transact(ctx context.Context, puts []Put) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.Table.Transact(ctx, puts)
}

// Scan implements Table.
func (t timed) Scan(ctx context.Context, s Scan) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.Table.Scan(ctx, s)
}
