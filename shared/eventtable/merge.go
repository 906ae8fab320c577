package eventtable

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
)

const (
	// wholeBytes is the size from which on a file is not merged.
	wholeBytes = 128 << 20
	// leastOfToday and leastOfClosed are how many small files a partition has that is merged: files
	// of a day that is not over are merged again with those that come.
	leastOfToday, leastOfClosed = 32, 2
	// mostMerged is how many files are merged at once.
	mostMerged = 128
	// mostRewritten is how many times the size of all smaller files a file may have to be merged
	// with them. So every row is written again a few times at most, also if late rows come daily.
	mostRewritten = 4
)

// Replaceable is a table whose files can be replaced.
type Replaceable interface {
	Table
	// List describes the files of the newest snapshot that are sorted, without their bounds.
	List(ctx context.Context) ([]File, error)
	// Replace commits a snapshot that has a written file in the place of others with the same rows.
	// Its summary says what the one before says. It fails as Append does.
	Replace(ctx context.Context, old []File, with File) error
}

// MergeConfig configures Merge.
type MergeConfig struct {
	Table Replaceable
	// Now is the time, which says what day it is.
	Now time.Time
	// Bytes bounds the size of the files that are merged at once. They and their rows are in
	// memory: about three times as much.
	Bytes int64
	// Ending, once it is closed, ends Merge after the files that it merges; nil never does.
	Ending <-chan struct{}
}

// Merged is what Merge did.
type Merged struct {
	// Files were replaced by Into ones.
	Files int   `json:"merged_files"`
	Into  int   `json:"merged_into"`
	Rows  int64 `json:"merged_rows"`
}

// Merge replaces small files of a partition by larger ones with the same rows, each by a snapshot.
// A reader of an older snapshot keeps its files.
func Merge(ctx context.Context, c MergeConfig) (m Merged, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("event table: merge files: %w", err)
		}
	}()
	for !isClosed(c.Ending) {
		files, err := c.Table.List(ctx)
		if err != nil {
			return m, err
		}
		group := nextGroup(files, day(c.Now), c.Bytes)
		if group == nil {
			return m, nil
		}
		merged, err := mergeFiles(ctx, c.Table, group)
		if err == nil {
			err = c.Table.Replace(ctx, group, merged)
		}
		if err != nil {
			return m, err
		}
		m.Files, m.Into, m.Rows = m.Files+len(group), m.Into+1, m.Rows+merged.Rows
	}
	return m, nil
}

// isClosed reports whether a channel is closed; nil never is.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// day returns the UTC day of a time, in days since 1970.
func day(t time.Time) int32 { return int32(t.UnixMicro() / microsPerDay) }

// nextGroup returns files to merge, of the oldest partition that has enough of them; nil if none
// has.
func nextGroup(files []File, today int32, most int64) []File {
	type partition struct{ day, bucket int32 }
	small := map[partition][]File{}
	for _, f := range files {
		if f.Bytes < wholeBytes {
			p := partition{f.Day, f.Bucket}
			small[p] = append(small[p], f)
		}
	}
	var group []File
	for _, of := range small {
		if group != nil && cmp.Or(cmp.Compare(of[0].Day, group[0].Day), cmp.Compare(of[0].Bucket, group[0].Bucket)) > 0 {
			continue
		}
		least := leastOfClosed
		if of[0].Day >= today {
			least = leastOfToday
		}
		if g := smallest(of, most); len(g) >= least {
			group = g
		}
	}
	return group
}

// smallest returns the files of a partition that are merged, the smallest first.
func smallest(files []File, most int64) []File {
	slices.SortFunc(files, func(a, b File) int { return cmp.Or(cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Key, b.Key)) })
	var sum int64
	for i, f := range files {
		if i == mostMerged || sum >= wholeBytes || i > 0 && (f.Bytes > mostRewritten*sum || sum+f.Bytes > most) {
			return files[:i]
		}
		sum += f.Bytes
	}
	return files
}

// mergeFiles writes a file with the rows of others.
func mergeFiles(ctx context.Context, t Table, group []File) (File, error) {
	out := File{Day: group[0].Day, Bucket: group[0].Bucket}
	var from cursors
	var want int64
	for _, f := range group {
		c, err := openCursor(ctx, t, f.Key)
		if err != nil {
			return out, errors.Join(err, from.close())
		}
		want += f.Rows
		if c != nil {
			from = append(from, c)
		}
	}
	data, err := mergeRows(from, &out)
	if err != nil {
		return out, err
	}
	if out.Rows != want {
		return out, fmt.Errorf("%d files have %d rows, but the table says %d", len(group), out.Rows, want)
	}
	return out, store(ctx, t, &out, data)
}

// mergeRows returns a file with the rows of all cursors, in order, and describes it. It closes the
// cursors.
func mergeRows(from cursors, out *File) (data []byte, err error) {
	var buffer bytes.Buffer
	w := newRowWriter(&buffer)
	var last Row
	batch := make([]Row, 0, cursorRows)
	heap.Init(&from)
	for len(from) > 0 {
		c := from[0]
		row := &c.rows[0]
		if out.Rows > 0 && byAccount(last, *row) >= 0 {
			return nil, errors.Join(fmt.Errorf("%s v%d of %s is out of order, or there twice", row.AccountID, row.Version, c.key), from.close())
		}
		last = Row{Tenant: row.Tenant, AccountID: row.AccountID, Version: row.Version}
		out.widen(row)
		batch = append(batch, *row)
		if len(batch) == cap(batch) {
			_, err = w.Write(batch)
			batch = batch[:0]
		}
		if err == nil {
			err = c.next()
		}
		if err != nil {
			return nil, errors.Join(err, from.close())
		}
		if len(c.rows) == 0 {
			err = heap.Pop(&from).(*cursor).in.Close()
			if err != nil {
				return nil, errors.Join(err, from.close())
			}
			continue
		}
		heap.Fix(&from, 0)
	}
	_, err = w.Write(batch)
	if err == nil {
		err = w.Close()
	}
	return buffer.Bytes(), err
}

// cursor is a file that is being read.
type cursor struct {
	key  string
	in   *parquet.GenericReader[Row]
	left int64
	// rows are those that were read and not taken; empty at the end.
	rows, buffer []Row
}

// cursorRows is how many rows of a file are read at once.
const cursorRows = 64

// openCursor opens a file at its first row; nil if it has none.
func openCursor(ctx context.Context, t Table, key string) (*cursor, error) {
	data, err := readAll(ctx, t, key)
	if err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if file.NumRows() == 0 {
		return nil, nil
	}
	c := &cursor{key: key, in: parquet.NewGenericReader[Row](file), left: file.NumRows(), buffer: make([]Row, cursorRows)}
	return c, c.fill()
}

// next goes to the next row.
func (c *cursor) next() error {
	c.rows = c.rows[1:]
	if len(c.rows) == 0 && c.left > 0 {
		return c.fill()
	}
	return nil
}

// fill reads rows.
func (c *cursor) fill() error {
	clear(c.buffer)
	n, err := c.in.Read(c.buffer)
	if n == 0 {
		return fmt.Errorf("read %s: %d rows are missing: %w", c.key, c.left, errors.Join(err, io.ErrUnexpectedEOF))
	}
	c.rows, c.left = c.buffer[:n], c.left-int64(n)
	return nil
}

// cursors are a heap of cursors by their next row.
type cursors []*cursor

func (c cursors) Len() int           { return len(c) }
func (c cursors) Less(i, j int) bool { return byAccount(c[i].rows[0], c[j].rows[0]) < 0 }
func (c cursors) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }

// Push implements heap.Interface.
func (c *cursors) Push(x any) { *c = append(*c, x.(*cursor)) }

// Pop implements heap.Interface.
func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// close closes all.
func (c cursors) close() (err error) {
	for _, of := range c {
		err = errors.Join(err, of.in.Close())
	}
	return err
}
