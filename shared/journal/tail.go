package journal

import (
	"context"
	"fmt"
	"iter"

	"passbook/shared/event"
	"passbook/shared/table"
)

// TailOf walks, by rising n, what a writer committed after n = after, as far as its eventually consistent index shows it. An
// error belongs to the one entry that could not be read, and the walk goes on; when the index itself cannot be read it ends.
func TailOf(ctx context.Context, t table.Table, writer string, after int64) iter.Seq2[Committed, error] {
	return func(yield func(Committed, error) bool) {
		var heads [writerKeys]tailHead
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
			if h.err != nil {
				yield(Committed{}, h.err)
				return
			}
			c, err := readTail(ctx, t, writer, h.key)
			if !yield(c, err) {
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

// lowest is the head with the lowest n, or the first that failed; -1 when all are at their end.
func lowest(heads *[writerKeys]tailHead) int {
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

// tailOfKey walks one of the writer's index keys.
func tailOfKey(ctx context.Context, t table.Table, writer string, key, after int64) iter.Seq2[tailKey, error] {
	return func(yield func(tailKey, error) bool) {
		q := table.Query{Table: Table, Index: indexWriters, PK: writerKey(writer, key), From: table.N(after + 1), Limit: 500}
		for {
			page, err := t.Query(ctx, q)
			if err != nil {
				yield(tailKey{}, fmt.Errorf("read index of writer %s: %w", writer, err))
				return
			}
			for _, row := range page.Rows {
				n, _ := row.Attrs["wn"].(table.N)
				if !yield(tailKey{row.Key, int64(n)}, nil) {
					return
				}
			}
			if q.After = page.After; q.After == "" {
				return
			}
		}
	}
}

// readTail reads an indexed entry and makes its record.
func readTail(ctx context.Context, t table.Table, writer string, k tailKey) (Committed, error) {
	row, err := t.Get(ctx, Table, k.row, true)
	if err != nil {
		return Committed{}, fmt.Errorf("read entry %s %s of writer %s: %w", k.row.PK, k.row.SK, writer, err)
	}
	e, err := ParseRow(row)
	if err != nil {
		return Committed{}, err
	}
	return committed(e)
}

// committed makes an entry that was read the record that it is on the stream.
func committed(e *event.Entry) (Committed, error) {
	bare := *e
	bare.State = nil
	enc, err := event.Seal(&bare)
	if err != nil {
		return Committed{}, fmt.Errorf("seal %s v%d: %w", e.AccountID, e.First, err)
	}
	return Committed{Account: Account{e.Tenant, e.AccountID}, Record: enc.Record, Writer: e.Writer, N: e.N}, nil
}
