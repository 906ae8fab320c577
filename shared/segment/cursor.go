package segment

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// columnReader reads the values of one column through all row groups.
type columnReader struct {
	column
	place   int
	segment *Segment
	group   int
	// paged is how many pages of the group were opened.
	paged  int
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	// spent has the pages whose values are in use until the next batch.
	spent  []parquet.Page
	buffer []parquet.Value
}

// next reads up to n values, which are valid until the next call. It returns fewer only at the end.
func (c *columnReader) next(n int) ([]parquet.Value, error) {
	for _, page := range c.spent {
		parquet.Release(page)
	}
	c.spent = c.spent[:0]
	if cap(c.buffer) < n {
		c.buffer = make([]parquet.Value, n)
	}
	filled := 0
	for filled < n {
		if c.values == nil {
			more, err := c.nextPage()
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", c.name, err)
			}
			if !more {
				break
			}
		}
		read, err := c.values.ReadValues(c.buffer[filled:n])
		filled += read
		if err == io.EOF || (err == nil && read == 0) {
			c.spent = append(c.spent, c.page)
			c.page, c.values = nil, nil
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return c.buffer[:filled], nil
}

// nextPage opens the next page, of this row group or of the next one that has any. It returns false
// at the end.
func (c *columnReader) nextPage() (bool, error) {
	for {
		if c.pages == nil {
			groups := c.segment.file.RowGroups()
			if c.group == len(groups) {
				return false, nil
			}
			c.pages = groups[c.group].ColumnChunks()[c.place].Pages()
			c.group, c.paged = c.group+1, 0
		}
		page, err := c.pages.ReadPage()
		if err == nil {
			c.page, c.values = page, page.Values()
			c.paged++
			return true, c.segment.checkPage(c.group-1, c.place, c.paged-1, page)
		}
		closed := c.pages.Close()
		c.pages = nil
		if err != io.EOF || closed != nil {
			return false, errors.Join(err, closed)
		}
	}
}

// close releases the pages.
func (c *columnReader) close() {
	for _, page := range c.spent {
		parquet.Release(page)
	}
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		c.pages.Close()
	}
	c.spent, c.page, c.values, c.pages = nil, nil, nil, nil
}

// cursor reads the rows of a segment a batch at a time, in the columns asked for.
type cursor struct {
	columns []*columnReader
	in      interner
	rows    []Row
}

func newCursor(s *Segment, places []int) *cursor {
	c := &cursor{rows: make([]Row, batchRows)}
	for _, place := range places {
		c.columns = append(c.columns, &columnReader{column: s.layout().columns[place], place: place, segment: s})
	}
	return c
}

// next reads a batch of rows, valid until the next call; none at the end. Columns that were not
// asked for stay zero.
func (c *cursor) next() ([]Row, error) {
	count := -1
	for _, col := range c.columns {
		values, err := col.next(batchRows)
		if err != nil {
			return nil, err
		}
		if count >= 0 && len(values) != count {
			return nil, fmt.Errorf("column %s has %d values where others have %d", col.name, len(values), count)
		}
		count = len(values)
		col.get(&c.in, c.rows, values)
	}
	return c.rows[:count], nil
}

func (c *cursor) close() {
	for _, col := range c.columns {
		col.close()
	}
}
