package pebbletable

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// walk is a range of keys to read in one direction, and a function that makes a row of each.
type walk struct {
	lower, upper []byte
	desc         bool
	limit        int
	row          func(key, value []byte) (table.Row, error)
}

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := ctx.Err(); err != nil {
		return table.Page{}, err
	}
	if err := t.catalog.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	if q.Index == "" {
		return t.page(ctx, rowWalk(q), q.After)
	}
	x, err := t.catalog.Index(q.Table, q.Index)
	if err != nil {
		return table.Page{}, err
	}
	return t.page(ctx, indexWalk(q, x), q.After)
}

func rowWalk(q table.Query) walk {
	prefix := appendPartition(nil, q.Table, q.PK)
	w := walk{lower: prefix, upper: prefixEnd(prefix), desc: q.Desc, limit: q.Limit}
	if from, ok := q.From.(table.S); ok {
		w.lower = append(bytes.Clone(prefix), from...)
	}
	if to, ok := q.To.(table.S); ok {
		w.upper = append(append(bytes.Clone(prefix), to...), 0)
	}
	w.row = func(key, value []byte) (table.Row, error) {
		attrs, err := decodeRow(value)
		return table.Row{Key: table.Key{PK: q.PK, SK: string(key[len(prefix):])}, Attrs: attrs}, err
	}
	return w
}

func indexWalk(q table.Query, x table.Index) walk {
	prefix := appendIndexPartition(nil, q.Table, x.Name, q.PK)
	w := walk{lower: prefix, upper: prefixEnd(prefix), desc: q.Desc, limit: q.Limit}
	if q.From != nil {
		w.lower = appendSort(bytes.Clone(prefix), q.From)
	}
	if q.To != nil {
		w.upper = prefixEnd(appendSort(bytes.Clone(prefix), q.To))
	}
	w.row = func(key, _ []byte) (table.Row, error) { return indexRow(x, q.PK, key[len(prefix):]) }
	return w
}

// Scan implements table.Table.
func (t *Table) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	if err := ctx.Err(); err != nil {
		return table.Page{}, err
	}
	if err := t.catalog.CheckScan(s); err != nil {
		return table.Page{}, err
	}
	prefix := appendTable(nil, s.Table)
	w := walk{lower: segmentStart(prefix, s.Segment, s.Of), upper: segmentStart(prefix, s.Segment+1, s.Of)}
	w.row = func(key, value []byte) (table.Row, error) {
		pk, sk, err := cutPart(key[len(prefix)+2:])
		if err != nil {
			return table.Row{}, err
		}
		attrs, err := decodeRow(value)
		return table.Row{Key: table.Key{PK: pk, SK: string(sk)}, Attrs: attrs}, err
	}
	return t.page(ctx, w, s.After)
}

// segmentStart returns the first key of a segment; for the segment after the last it is the end of
// the table.
func segmentStart(prefix []byte, segment, of int) []byte {
	if segment == of {
		return prefixEnd(prefix)
	}
	return binary.BigEndian.AppendUint16(bytes.Clone(prefix), uint16(segment<<16/of))
}

// page reads a walk behind after, until the page is full.
func (t *Table) page(ctx context.Context, w walk, after string) (table.Page, error) {
	id := w.id()
	if err := w.resume(id, after); err != nil || bytes.Compare(w.lower, w.upper) >= 0 {
		return table.Page{}, err
	}
	view, err := t.db.View()
	if err != nil {
		return table.Page{}, err
	}
	defer t.db.Release(view)
	page, err := w.read(ctx, id, view)
	if err != nil {
		return table.Page{}, fmt.Errorf("read page: %w", err)
	}
	return page, nil
}

func (w *walk) read(ctx context.Context, id uint64, view *embedded.View) (page table.Page, err error) {
	iter, err := view.Iter(w.lower, w.upper)
	if err != nil {
		return table.Page{}, err
	}
	defer func() {
		if bad := iter.Close(); err == nil {
			err = bad
		}
	}()
	size := 0
	var last []byte
	for ok := w.first(iter); ok; ok = w.next(iter) {
		if err := ctx.Err(); err != nil {
			return table.Page{}, err
		}
		row, err := w.row(iter.Key(), iter.Value())
		if err != nil {
			return table.Page{}, err
		}
		if size += table.Size(row); size > table.MaxPageBytes {
			page.After = token(id, last)
			break
		}
		page.Rows = append(page.Rows, row)
		last = append(last[:0], iter.Key()...)
		// As on DynamoDB, a page that reached its limit does not tell whether anything follows.
		if len(page.Rows) == w.limit {
			page.After = token(id, last)
			break
		}
	}
	return page, iter.Error()
}

func (w *walk) first(iter *pebble.Iterator) bool {
	if w.desc {
		return iter.Last()
	}
	return iter.First()
}

func (w *walk) next(iter *pebble.Iterator) bool {
	if w.desc {
		return iter.Prev()
	}
	return iter.Next()
}

// id returns a hash of the query, so that no other query continues with its token.
func (w *walk) id() uint64 {
	h := fnv.New64a()
	// A hash's Write never fails.
	_, _ = fmt.Fprintf(h, "%d:%s%s", len(w.lower), w.lower, w.upper)
	if w.desc {
		return ^h.Sum64()
	}
	return h.Sum64()
}

// token returns the After of a page: the id of the query and the last key that was read.
func token(id uint64, last []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, id), last...))
}

// resume narrows the walk to the keys behind the token.
func (w *walk) resume(id uint64, after string) error {
	if after == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || len(raw) < 8 || binary.BigEndian.Uint64(raw) != id {
		return fmt.Errorf("%w: After belongs to another query", table.ErrInvalid)
	}
	last := raw[8:]
	if bytes.Compare(last, w.lower) < 0 || bytes.Compare(last, w.upper) >= 0 {
		return fmt.Errorf("%w: After is outside of this query", table.ErrInvalid)
	}
	if w.desc {
		w.upper = last
	} else {
		w.lower = append(last, 0)
	}
	return nil
}
