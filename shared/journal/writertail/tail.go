package writertail

import (
	"context"
	"fmt"
	"iter"

	"passbook/shared/event"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
)

// readAhead is how many entries of a tail are read at once: one after the other, a long tail would
// take minutes.
const readAhead = 16

// Read yields, by rising n, the entries that a writer committed after n = after, as far as its
// eventually consistent index shows them, without those for which skip returns true. An error is
// that of the one entry that could not be read, and the walk continues; when the index itself
// cannot be read it ends.
func Read(ctx context.Context, t table.Table, writer string, after int64, skip func(n int64) bool) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var coming []chan tailEntry // one for each entry that is being read, in order
		next := func() bool {
			e := <-coming[0]
			coming = coming[1:]
			return yield(e.entry, e.err)
		}
		for key, err := range tailKeys(ctx, t, writer, after) {
			if err == nil && skip(key.n) {
				continue
			}
			if len(coming) == readAhead && !next() {
				return
			}
			coming = append(coming, readTail(ctx, t, writer, key, err))
		}
		for len(coming) > 0 {
			if !next() {
				return
			}
		}
	}
}

// tailKeys yields the keys of a writer's index by rising n, and ends at the first error.
func tailKeys(ctx context.Context, t table.Table, writer string, after int64) iter.Seq2[tailKey, error] {
	return func(yield func(tailKey, error) bool) {
		var heads [rowkey.Writers]tailHead
		for i := range heads {
			next, stop := iter.Pull2(tailOfKey(ctx, t, writer, int64(i), after))
			defer stop()
			heads[i].next = next
			heads[i].advance()
		}
		for {
			i := lowest(&heads)
			if i < 0 {
				return
			}
			h := heads[i]
			if !yield(h.key, h.err) || h.err != nil {
				return
			}
			heads[i].advance()
		}
	}
}

// tailHead is the next index row of one of the writer's keys.
type tailHead struct {
	next func() (tailKey, error, bool)
	key  tailKey
	err  error
	more bool
}

type tailKey struct {
	row table.Key
	n   int64
}

func (h *tailHead) advance() { h.key, h.err, h.more = h.next() }

// lowest returns the head with the lowest n, or the first that failed, and -1 when all are at their
// end.
func lowest(heads *[rowkey.Writers]tailHead) int {
	low := -1
	for i := range heads {
		switch h := &heads[i]; {
		case !h.more:
		case h.err != nil:
			return i
		case low < 0 || h.key.n < heads[low].key.n:
			low = i
		}
	}
	return low
}

// tailOfKey yields the rows of one of the writer's index keys.
func tailOfKey(ctx context.Context, t table.Table, writer string, key, after int64) iter.Seq2[tailKey, error] {
	return func(yield func(tailKey, error) bool) {
		q := table.Query{Table: rowkey.Table, Index: rowkey.WritersIndex, PK: rowkey.Writer(writer, key), From: table.N(after + 1), Limit: 500}
		for row, err := range table.Rows(ctx, t, q) {
			if err != nil {
				yield(tailKey{}, fmt.Errorf("read index of writer %s: %w", writer, err))
				return
			}
			if !yield(tailKey{row.Key, row.Attrs.Number("wn")}, nil) {
				return
			}
		}
	}
}

// tailEntry is an entry of a tail, or why it could not be read.
type tailEntry struct {
	entry *event.Entry
	err   error
}

// readTail begins to read an indexed entry. The channel has room for the result, so that the
// goroutine ends even if nobody receives it. With an error of the index the result is that error.
func readTail(ctx context.Context, t table.Table, writer string, k tailKey, failed error) chan tailEntry {
	read := make(chan tailEntry, 1)
	if failed != nil {
		read <- tailEntry{err: failed}
		return read
	}
	go func() {
		e, err := readEntry(ctx, t, k.row)
		if err != nil {
			err = fmt.Errorf("read entry %s %s of writer %s: %w", k.row.PK, k.row.SK, writer, err)
		}
		read <- tailEntry{e, err}
	}()
	return read
}

func readEntry(ctx context.Context, t table.Table, key table.Key) (*event.Entry, error) {
	row, err := t.Get(ctx, rowkey.Table, key, true)
	if err != nil {
		return nil, err
	}
	return rowkey.Parse(row)
}
