package segment

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// filtered is the column that has a bloom filter.
const filtered = "account_id"

// indexes are what query engines believe instead of reading rows: the statistics of the columns,
// the page indexes and the filter. No entry proves them, and a checksum can be made again by
// anybody who can write to the bucket, so they are compared with the pages: with the pages' heads
// when a segment is opened, with the values when a page is read.
type indexes struct {
	columns []format.ColumnIndex
	offsets []format.OffsetIndex
}

// readIndexes reads the indexes of a segment of format 2 and compares them with the pages of each
// chunk. It refuses what the format does not have and an engine might follow.
func (s *Segment) readIndexes(pages [][]pageAt) (err error) {
	meta := s.file.Metadata()
	if len(meta.KeyValueMetadata) != len(s.Footer.fields())+2 { // with format and sum
		return errors.New("the footer has values that a segment does not have")
	}
	s.indexes.columns, s.indexes.offsets, err = s.file.ReadPageIndex()
	if err != nil {
		return fmt.Errorf("page index: %w", err)
	}
	if width := len(s.layout().columns); len(s.indexes.columns) != len(meta.RowGroups)*width || len(s.indexes.offsets) != len(s.indexes.columns) {
		return errors.New("a column has no page index")
	}
	for g := range meta.RowGroups {
		group := &meta.RowGroups[g]
		if len(group.SortingColumns) != 0 || len(group.Columns) != len(s.layout().columns) {
			return errors.New("a row group has other columns, or claims an order, that a segment does not have")
		}
		for place := range group.Columns {
			err := s.checkChunk(pages, group, g, place)
			if err != nil {
				return fmt.Errorf("index of %s: %w", s.layout().columns[place].name, err)
			}
		}
	}
	return nil
}

// checkChunk compares the indexes of one column of a row group with the heads of its pages.
func (s *Segment) checkChunk(chunks [][]pageAt, group *format.RowGroup, g, place int) error {
	chunk := &group.Columns[place]
	i := g*len(s.layout().columns) + place
	found := chunks[i]
	index, pages, stats := &s.indexes.columns[i], s.indexes.offsets[i].PageLocations, &chunk.MetaData.Statistics
	switch {
	case chunk.FilePath != "":
		return errors.New("its pages lie in another file")
	case stats.Min != nil || stats.Max != nil || stats.DistinctCount != 0:
		return errors.New("it has statistics that a segment does not have")
	case (chunk.MetaData.BloomFilterOffset != 0) != (s.layout().columns[place].name == filtered):
		return errors.New("a filter is missing, or there is one too many")
	case len(found) != len(pages):
		return fmt.Errorf("it has %d pages of %d", len(pages), len(found))
	case len(index.NullPages) != len(pages) || len(index.MinValues) != len(pages) || len(index.MaxValues) != len(pages) || len(index.NullCounts) != len(pages):
		return errors.New("it has not one bound for each page")
	case !ordered(index, s.file.RowGroups()[g].ColumnChunks()[place].Type()):
		return errors.New("its bounds are not in the order that it claims")
	}
	var nulls, rows int64
	offset := chunk.MetaData.DataPageOffset
	for p, page := range pages {
		if page.Offset != offset || page.Offset != found[p].offset || page.FirstRowIndex != rows || int64(page.CompressedPageSize) != found[p].size {
			return fmt.Errorf("page %d is elsewhere", p)
		}
		nulls, rows, offset = nulls+index.NullCounts[p], rows+found[p].values, offset+found[p].size
	}
	if nulls != stats.NullCount || rows != group.NumRows || rows != chunk.MetaData.NumValues {
		return errors.New("it counts other rows or nulls")
	}
	return nil
}

// ordered reports whether the bounds of pages are in the order that an index claims. Pages of nulls
// have none.
func ordered(index *format.ColumnIndex, typ parquet.Type) bool {
	sign := 0
	switch index.BoundaryOrder {
	case format.Ascending:
		sign = 1
	case format.Descending:
		sign = -1
	}
	last := -1
	for p := range index.NullPages {
		if index.NullPages[p] {
			continue
		}
		if last >= 0 && (sign*typ.Compare(valueOf(typ, index.MinValues[last]), valueOf(typ, index.MinValues[p])) > 0 ||
			sign*typ.Compare(valueOf(typ, index.MaxValues[last]), valueOf(typ, index.MaxValues[p])) > 0) {
			return false
		}
		last = p
	}
	return true
}

func valueOf(typ parquet.Type, b []byte) parquet.Value { return typ.Kind().Value(b) }

// checkPage compares the bounds of a page, and of its column in the row group, with its values.
func (s *Segment) checkPage(g, place, p int, page parquet.Page) error {
	if s.Footer.Format < 2 {
		return nil
	}
	chunk, typ := &s.file.Metadata().RowGroups[g].Columns[place], page.Type()
	index := &s.indexes.columns[g*len(s.layout().columns)+place]
	least, greatest, any := page.Bounds()
	switch {
	case p >= len(index.NullPages):
		return fmt.Errorf("page %d is not in the page index", p)
	case index.NullCounts[p] != page.NumNulls() || index.NullPages[p] != (page.NumNulls() == page.NumValues()):
		return fmt.Errorf("the page index counts other nulls in page %d", p)
	case s.layout().columns[place].name == filtered && page.Dictionary() == nil:
		return fmt.Errorf("page %d has values beside the dictionary, which the filter may hide", p)
	case !any:
		return nil
	case !within(typ, least, greatest, index.MinValues[p], index.MaxValues[p]):
		return fmt.Errorf("the values of page %d are not within the bounds of the page index", p)
	case !within(typ, least, greatest, chunk.MetaData.Statistics.MinValue, chunk.MetaData.Statistics.MaxValue):
		return fmt.Errorf("the values of page %d are not within the statistics of the column", p)
	case s.layout().columns[place].name == filtered && p == 0:
		return s.checkFilter(g, place, page)
	}
	return nil
}

// within reports whether bounds, which may be shorter than the values that they are of, include the
// values from least to greatest.
func within(typ parquet.Type, least, greatest parquet.Value, from, to []byte) bool {
	return typ.Compare(valueOf(typ, from), least) <= 0 && typ.Compare(greatest, valueOf(typ, to)) <= 0
}

// checkFilter checks that a bloom filter finds every value of its column's dictionary.
func (s *Segment) checkFilter(g, place int, page parquet.Page) error {
	filter, dictionary := s.file.RowGroups()[g].ColumnChunks()[place].BloomFilter(), page.Dictionary()
	if filter == nil || dictionary == nil {
		return errors.New("the column has no filter or no dictionary")
	}
	for i := range dictionary.Len() {
		found, err := filter.Check(dictionary.Index(int32(i)))
		if err != nil {
			return fmt.Errorf("filter: %w", err)
		}
		if !found {
			return fmt.Errorf("the filter hides %q", dictionary.Index(int32(i)).ByteArray())
		}
	}
	return nil
}
