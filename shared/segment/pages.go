package segment

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// The Parquet library allocates by the lengths and counts that a footer and the heads of pages
// give, before it reads what they measure. No program survives an allocation of more memory than
// there is, so they are compared with the object, and with what a Writer can produce, first.
const (
	// maxElements is more than all lists of the footer of a segment of MaxBytes have. Each becomes
	// a structure of some hundred bytes.
	maxElements = 1 << 20
	// maxPageBytes is more than a page has before it is compressed. A Writer ends a page after the
	// batch that exceeds pageBytes, and the longest texts of a row have some 4 KB. The largest
	// dictionary is that of actors, if every row of a row group has another.
	maxPageBytes = 16 << 20
	// maxNesting is deeper than the structures of Parquet's metadata are.
	maxNesting = 32
)

// pageAt is a data page: where its head begins, its size with the head, and how many values it has.
type pageAt struct{ offset, size, values int64 }

// checkPages checks every length by which the library allocates when it reads indexes and pages. It
// returns the data pages of each chunk.
func (s *Segment) checkPages(data []byte) (chunks [][]pageAt, err error) {
	indexes := int64(0)
	groups := s.file.Metadata().RowGroups
	for g := range groups {
		group := &groups[g]
		if group.NumRows < 0 || group.NumRows > rowsPerRowGroup {
			return nil, fmt.Errorf("row group %d has %d rows, a segment's at most %d", g, group.NumRows, rowsPerRowGroup)
		}
		for place := range group.Columns {
			chunk := &group.Columns[place]
			columns, err := part(data, chunk.ColumnIndexOffset, int64(chunk.ColumnIndexLength))
			if err != nil {
				return nil, fmt.Errorf("page index of column %d: %w", place, err)
			}
			offsets, err := part(data, chunk.OffsetIndexOffset, int64(chunk.OffsetIndexLength))
			if err != nil {
				return nil, fmt.Errorf("offset index of column %d: %w", place, err)
			}
			err = errors.Join(checkLists(columns), checkLists(offsets))
			if err != nil {
				return nil, fmt.Errorf("page index of column %d: %w", place, err)
			}
			indexes += int64(len(columns) + len(offsets))
			pages, err := s.chunkPages(data, group, chunk)
			if err != nil {
				return nil, fmt.Errorf("column %d of row group %d: %w", place, g, err)
			}
			chunks = append(chunks, pages)
		}
	}
	if indexes > int64(len(data)) {
		return nil, errors.New("the page indexes are longer than the object")
	}
	return chunks, nil
}

// part returns length bytes of data from an offset.
func part(data []byte, offset, length int64) ([]byte, error) {
	if offset < 0 || length < 0 || offset > int64(len(data)) || length > int64(len(data))-offset {
		return nil, fmt.Errorf("%d bytes at offset %d lie outside the object", length, offset)
	}
	return data[offset : offset+length], nil
}

// chunkPages returns the data pages of a chunk. It checks the head of each page, and of the
// dictionary.
func (s *Segment) chunkPages(data []byte, group *format.RowGroup, chunk *format.ColumnChunk) (pages []pageAt, err error) {
	start := chunk.MetaData.DataPageOffset
	if dictionary := chunk.MetaData.DictionaryPageOffset; dictionary != 0 {
		start = dictionary
	}
	rest, err := part(data, start, chunk.MetaData.TotalCompressedSize)
	if err != nil {
		return nil, err
	}
	for first := true; len(rest) > 0; first = false {
		head, size, err := readHead(rest)
		if err != nil {
			return nil, err
		}
		dictionary := head.Type == format.DictionaryPage
		values := valuesOf(head)
		switch {
		case head.UncompressedPageSize < 0 || head.UncompressedPageSize > maxPageBytes:
			return nil, fmt.Errorf("a page of %d bytes, a segment's have at most %d", head.UncompressedPageSize, maxPageBytes)
		case values < 0 || values > group.NumRows:
			return nil, fmt.Errorf("a page of %d values in a row group of %d rows", values, group.NumRows)
		case dictionary && !first:
			return nil, errors.New("a dictionary behind other pages")
		case !dictionary && s.Footer.Format >= 2 && !isPlain(head):
			return nil, errors.New("a page has another head than a segment's pages have")
		}
		if !dictionary {
			pages = append(pages, pageAt{offset: start, size: size, values: values})
		}
		start, rest = start+size, rest[size:]
	}
	return pages, nil
}

// readHead reads the head of the page with which data begins. It returns the size of the page with
// its head.
func readHead(data []byte) (head *format.PageHeader, size int64, err error) {
	r := new(thrift.CompactProtocol).NewReaderFromBytes(data)
	head = new(format.PageHeader)
	err = thrift.NewDecoder(r).Decode(head)
	if err != nil {
		return nil, 0, fmt.Errorf("head of a page: %w", err)
	}
	size = int64(r.BytesRead()) + int64(head.CompressedPageSize)
	if head.CompressedPageSize < 0 || size > int64(len(data)) {
		return nil, 0, fmt.Errorf("a page of %d bytes lies outside its column", head.CompressedPageSize)
	}
	return head, size, nil
}

// valuesOf returns the number of values of a page, -1 where its head does not say.
func valuesOf(head *format.PageHeader) int64 {
	switch {
	case head.Type == format.DictionaryPage && head.DictionaryPageHeader.Valid:
		return int64(head.DictionaryPageHeader.V.NumValues)
	case head.Type == format.DataPage && head.DataPageHeader.Valid:
		return int64(head.DataPageHeader.V.NumValues)
	case head.Type == format.DataPageV2 && head.DataPageHeaderV2.Valid:
		return int64(head.DataPageHeaderV2.V.NumValues)
	}
	return -1
}

// isPlain reports whether a head is that of a data page of format 2, which has no statistics.
func isPlain(head *format.PageHeader) bool {
	stats := &head.DataPageHeader.V.Statistics
	return head.Type == format.DataPage && stats.MinValue == nil && stats.MaxValue == nil && stats.Min == nil && stats.Max == nil
}

// checkLists checks that the lists of a structure in Thrift's compact protocol have no more
// elements than bytes follow, and together at most maxElements. Empty data has none.
func checkLists(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	s := skipper{r: new(thrift.CompactProtocol).NewReaderFromBytes(data), size: len(data)}
	return s.value(thrift.STRUCT, maxNesting)
}

// skipper reads past the values of a structure.
type skipper struct {
	r        thrift.Reader
	size     int // of all bytes
	elements int // of the lists so far
}

func (s *skipper) value(typ thrift.Type, nesting int) (err error) {
	if nesting == 0 {
		return errors.New("structures are nested too deep")
	}
	switch typ {
	case thrift.TRUE, thrift.FALSE: // in the type of a field
	case thrift.I8:
		_, err = s.r.ReadInt8()
	case thrift.I16:
		_, err = s.r.ReadInt16()
	case thrift.I32:
		_, err = s.r.ReadInt32()
	case thrift.I64:
		_, err = s.r.ReadInt64()
	case thrift.DOUBLE:
		_, err = s.r.ReadFloat64()
	case thrift.BINARY:
		_, err = s.r.ReadBytes()
	case thrift.LIST, thrift.SET:
		return s.list(nesting)
	case thrift.STRUCT:
		return s.structure(nesting)
	default: // maps among them, which Parquet's metadata does not have
		return fmt.Errorf("a value of type %v", typ)
	}
	return err
}

func (s *skipper) list(nesting int) error {
	list, err := s.r.ReadList()
	if err != nil {
		return err
	}
	s.elements += int(list.Size)
	if int(list.Size) > s.size-s.r.BytesRead() || s.elements > maxElements {
		return fmt.Errorf("a list of %d elements is longer than a segment has any", list.Size)
	}
	if list.Type == thrift.TRUE || list.Type == thrift.FALSE {
		list.Type = thrift.I8 // one byte each
	}
	for range list.Size {
		err := s.value(list.Type, nesting-1)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *skipper) structure(nesting int) error {
	for {
		field, err := s.r.ReadField()
		if err != nil || field.Type == thrift.STOP {
			return err
		}
		err = s.value(field.Type, nesting-1)
		if err != nil {
			return err
		}
	}
}
