package segment_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// refooted returns the segment with a changed footer, whose sums are right.
func refooted(t *testing.T, sealed segment.Sealed, change func(meta *format.FileMetaData)) []byte {
	t.Helper()
	meta := *open(t, sealed).Metadata()
	change(&meta)
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), meta)
	if err != nil {
		t.Fatal(err)
	}
	return withFooter(sealed, footer)
}

// withFooter returns the segment with another footer and right sums.
func withFooter(sealed segment.Sealed, footer []byte) []byte {
	start := len(sealed.Data) - 8 - int(binary.LittleEndian.Uint32(sealed.Data[len(sealed.Data)-8:]))
	data := append(bytes.Clone(sealed.Data[:start]), footer...)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(footer)))
	data = append(data, "PAR1"...)
	if sealed.Footer.Format == 1 { // whose pages' sum ends elsewhere, and stays
		return resumFooter(data[start:], data)
	}
	return resum(data)
}

func resumFooter(footer, data []byte) []byte {
	at := bytes.LastIndex(footer, []byte("passbook.sum\x18")) + len("passbook.sum") + 2
	copy(footer[at:], strings.Repeat("A", 43))
	sum := sha256.Sum256(footer)
	copy(footer[at:], base64.RawURLEncoding.EncodeToString(sum[:]))
	return data
}

// A length that is not there must not be allocated: no program survives that. So these fail with
// an error, in both formats.
func TestParse_RefusesLengthsThatTheObjectDoesNotHave(t *testing.T) {
	for _, sealed := range []segment.Sealed{
		seal(t, archivetest.Records(archivetest.Bank(2, 10, 200)), segment.Link{}), seal(t, signed(10, 200), segment.Link{}),
	} {
		if _, err := walk(sealed.Key, refooted(t, sealed, func(*format.FileMetaData) {})); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
		for name, change := range map[string]func(c *format.ColumnChunk, g *format.RowGroup){
			"length of a column index":   func(c *format.ColumnChunk, _ *format.RowGroup) { c.ColumnIndexLength = math.MaxInt32 },
			"negative length":            func(c *format.ColumnChunk, _ *format.RowGroup) { c.ColumnIndexLength = -1 },
			"length of an offset index":  func(c *format.ColumnChunk, _ *format.RowGroup) { c.OffsetIndexLength = math.MaxInt32 },
			"negative offset":            func(c *format.ColumnChunk, _ *format.RowGroup) { c.OffsetIndexOffset = -1 },
			"size of a column":           func(c *format.ColumnChunk, _ *format.RowGroup) { c.MetaData.TotalCompressedSize = math.MaxInt64 },
			"negative offset of a page":  func(c *format.ColumnChunk, _ *format.RowGroup) { c.MetaData.DataPageOffset = -1 },
			"rows of a row group":        func(_ *format.ColumnChunk, g *format.RowGroup) { g.NumRows = math.MaxInt64 },
			"sum of the column indexes":  nil,
			"more rows than a row group": func(_ *format.ColumnChunk, g *format.RowGroup) { g.NumRows = 128<<10 + 1 },
		} {
			data := refooted(t, sealed, func(meta *format.FileMetaData) {
				group := &meta.RowGroups[0]
				if change != nil {
					change(&group.Columns[2], group)
					return
				}
				for i := range group.Columns { // each lies within the object, all of them do not
					group.Columns[i].ColumnIndexLength = int32(int64(len(sealed.Data)) - group.Columns[i].ColumnIndexOffset)
					group.Columns[i].OffsetIndexLength = int32(int64(len(sealed.Data)) - group.Columns[i].OffsetIndexOffset)
				}
			})
			_, err := segment.Parse(sealed.Key, data)
			if err == nil {
				t.Errorf("format %d, %s: accepted", sealed.Footer.Format, name)
				continue
			}
			mustName(t, err, segment.ErrDamaged, sealed.Key)
		}
	}
}

// The library makes a list before it reads the elements.
func TestParse_RefusesAFooterOfEndlessLists(t *testing.T) {
	sealed := seal(t, signed(10, 200), segment.Link{})
	start := len(sealed.Data) - 8 - int(binary.LittleEndian.Uint32(sealed.Data[len(sealed.Data)-8:]))
	footer := sealed.Data[start : len(sealed.Data)-8]
	// version (field 1, i32), then schema (field 2, list): a list of 2^31-1 structures.
	at := bytes.IndexByte(footer, 0x19) + 1
	endless := slices.Concat(footer[:at], []byte{0xfc, 0xff, 0xff, 0xff, 0xff, 0x07}, footer[at+2:])
	_, err := segment.Parse(sealed.Key, withFooter(sealed, endless))
	mustName(t, err, segment.ErrDamaged, sealed.Key)
	if !strings.Contains(err.Error(), "a list of 2147483647 elements") {
		t.Error(err)
	}
}

// rehead changes the head of the page at an offset, and pads it to its old length.
func rehead(t *testing.T, data []byte, offset int64, change func(head *format.PageHeader)) []byte {
	t.Helper()
	r := new(thrift.CompactProtocol).NewReaderFromBytes(data[offset:])
	var head format.PageHeader
	if err := thrift.NewDecoder(r).Decode(&head); err != nil {
		t.Fatal(err)
	}
	old := r.BytesRead()
	change(&head)
	b, err := thrift.Marshal(new(thrift.CompactProtocol), head)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > old+int(head.CompressedPageSize) {
		t.Fatal("the head is too long")
	}
	head.CompressedPageSize -= int32(len(b) - old) // the page's first bytes are overwritten
	b, err = thrift.Marshal(new(thrift.CompactProtocol), head)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Clone(data)
	copy(data[offset:], b)
	return data
}

func TestParse_RefusesHeadsOfPagesThatNoWriterMakes(t *testing.T) {
	sealed := seal(t, signed(10, 200), segment.Link{})
	account := open(t, sealed).Metadata().RowGroups[0].Columns[1].MetaData
	for name, c := range map[string]struct {
		offset int64
		change func(head *format.PageHeader)
		want   string
	}{
		"size of a page":         {account.DataPageOffset, func(h *format.PageHeader) { h.UncompressedPageSize = math.MaxInt32 }, "2147483647 bytes"},
		"values of a page":       {account.DataPageOffset, func(h *format.PageHeader) { h.DataPageHeader.V.NumValues = math.MaxInt32 }, "2147483647 values"},
		"size of a dictionary":   {account.DictionaryPageOffset, func(h *format.PageHeader) { h.UncompressedPageSize = math.MaxInt32 }, "2147483647 bytes"},
		"values of a dictionary": {account.DictionaryPageOffset, func(h *format.PageHeader) { h.DictionaryPageHeader.V.NumValues = math.MaxInt32 }, "2147483647 values"},
		"compressed size":        {account.DataPageOffset, func(h *format.PageHeader) { h.CompressedPageSize = math.MaxInt32 }, "outside its column"},
	} {
		_, err := segment.Parse(sealed.Key, resum(rehead(t, sealed.Data, c.offset, c.change)))
		mustName(t, err, segment.ErrDamaged, sealed.Key)
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A text of the footer may look like its checksum. Two segments of other bytes never have one Sum.
func TestParse_TakesNoOtherTextForTheChecksum(t *testing.T) {
	sealed := seal(t, signed(10, 200), segment.Link{})
	data := refooted(t, sealed, func(meta *format.FileMetaData) {
		meta.CreatedBy = "passbook.sum\x18+" + strings.Repeat("A", 43) // the last of the footer
	})
	start := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	footer := data[start:]
	at := bytes.Index(footer, []byte("passbook.sum\x18")) + len("passbook.sum") + 2
	copy(footer[at:], sealed.Footer.Sum.String())
	data = resumFooter(footer, data)
	_, err := segment.Parse(sealed.Key, data)
	mustName(t, err, segment.ErrDamaged, sealed.Key)
	if !strings.Contains(err.Error(), "another checksum") {
		t.Error(err)
	}
}

// An entry may claim no more versions than an entry can have.
func TestRecords_RefuseAnEntryOfTooManyVersions(t *testing.T) {
	records := signed(1, 1)
	e := *records[0].Entry
	e.Last = e.First + event.MaxEvents
	records[0].Entry = &e
	sealed := seal(t, records, segment.Link{})
	_, err := walk(sealed.Key, sealed.Data)
	mustName(t, err, segment.ErrDamaged, "more than an entry may have")
}

// The date in the key of a segment of format 2 is that of all its rows, so that a query of one
// folder misses none.
func TestFormat2_HasTheRowsOfOneDay(t *testing.T) {
	records := signed(3, 9)
	records[8].Arrived = records[8].Arrived.AddDate(0, 0, 1)
	w := segment.NewWriter(2, eventtest.Bank, source, segment.Link{})
	for i, rec := range records {
		if err := w.Append(rec); (err != nil) != (i == 8) {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	sealed := seal(t, records[:8], segment.Link{})
	day := (24 * time.Hour).Microseconds()
	_, err := segment.Parse(sealed.Key, forge(t, sealed, "arrived_to", func(v []byte) {
		copy(v, strconv.FormatInt(sealed.Footer.Arrived.To+day, 10))
	}))
	mustName(t, err, segment.ErrDamaged, "not on the day of the key")
	key := strings.Replace(sealed.Key, "date=2026-03-01", "date=2026-03-02", 1)
	_, err = segment.Parse(key, sealed.Data)
	mustName(t, err, segment.ErrDamaged, "not on the day of the key")
}
