package segment

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/event"
	"passbook/shared/stream"
)

// magicBytes is the length of the "PAR1" that a Parquet file starts with.
const magicBytes = 4

// Writer makes one segment. It keeps compressed pages and one unfinished page of each column in
// memory, not the records. It is not safe for concurrent use.
type Writer struct {
	source Source
	footer Footer
	first  time.Time // arrival of the first record
	seen   map[event.Hash]struct{}

	rows    []Row
	headers []byte
	group   int // rows of the unfinished row group
	values  [batchRows]parquet.Value
	arena   arena
	out     bytes.Buffer
	file    *parquet.GenericWriter[any]
}

// Sealed is a finished segment.
type Sealed struct {
	Key    string
	Data   []byte
	Footer Footer
}

// NewWriter begins the segment of a source that follows previous.
func NewWriter(source Source, previous Link) *Writer {
	w := &Writer{source: source, footer: Footer{Format: Format, Previous: previous}, seen: make(map[event.Hash]struct{})}
	w.file = parquet.NewGenericWriter[any](&w.out, append(options[:len(options):len(options)], schema)...)
	return w
}

// options determine the bytes, as do the sizes in the schema.
var options = []parquet.WriterOption{
	parquet.CreatedBy("passbook", "1", "archive"),
	parquet.Compression(compression),
	parquet.PageBufferSize(pageBytes),
	parquet.WriteBufferSize(0), // so that a flushed row group is in out completely
	parquet.DictionaryMaxBytes(dictionaryBytes),
	// Nobody searches these columns by a range; their bounds would only fill the index.
	parquet.SkipPageBounds("request"),
	parquet.SkipPageBounds("correlation_id"),
	parquet.SkipPageBounds("causation_id"),
	parquet.SkipPageBounds("data"),
	parquet.SkipPageBounds("entry_hash"),
	parquet.SkipPageBounds("entry"),
}

// Append adds a record, whose sequence number MUST be greater than the last one's. An exact repeat
// of an entry in the segment only moves the segment's end.
func (w *Writer) Append(rec Record) error {
	if !isSequence(rec.Sequence) || (w.footer.Last != "" && stream.CompareSequence(rec.Sequence, w.footer.Last) <= 0) {
		return fmt.Errorf("segment: append sequence %s after %s", rec.Sequence, w.footer.Last)
	}
	if w.footer.First == "" {
		w.footer.First, w.footer.FirstHash, w.first = rec.Sequence, rec.Entry.Hash, rec.Arrived
	}
	w.footer.Last = rec.Sequence
	if _, repeat := w.seen[rec.Entry.Hash]; repeat {
		return nil
	}
	w.seen[rec.Entry.Hash] = struct{}{}
	w.footer.Entries++
	w.footer.Recorded.add(rec.Entry.RecordedAt.UnixMicro(), w.footer.Entries == 1)
	w.footer.Arrived.add(rec.Arrived.UnixMicro(), w.footer.Entries == 1)
	w.footer.Rows += int64(len(rec.Entry.Events))
	w.rows = appendRows(w.rows, rec, w.source.Shard, w.header(rec.Entry))
	for len(w.rows) >= batchRows {
		err := w.flush(batchRows)
		if err != nil {
			return err
		}
	}
	return nil
}

// headerBlock is how much memory for headers is allocated at once; maxHeader is the size of a large
// header.
const (
	headerBlock = 64 << 10
	maxHeader   = 1 << 10
)

// header encodes an entry's header in memory that lives as long as its row waits.
func (w *Writer) header(e *event.Entry) []byte {
	if cap(w.headers)-len(w.headers) < maxHeader {
		w.headers = make([]byte, 0, headerBlock)
	}
	start := len(w.headers)
	w.headers = event.AppendHeader(w.headers, e)
	return w.headers[start:len(w.headers):len(w.headers)]
}

// Skip moves the segment's end over a record that has no entry. The segment MUST NOT be empty: a
// record before the first entry belongs to no segment.
func (w *Writer) Skip(sequence string) { w.footer.Last = sequence }

// Rows returns the number of events so far, without repeats.
func (w *Writer) Rows() int64 { return w.footer.Rows }

// Empty reports whether nothing was appended.
func (w *Writer) Empty() bool { return w.footer.First == "" }

// Arrived returns the arrival time of the first record.
func (w *Writer) Arrived() time.Time { return w.first }

// Last returns the sequence number of the last record, "" before the first.
func (w *Writer) Last() string { return w.footer.Last }

// Size returns an upper estimate of the bytes that the segment would have if it were sealed now.
func (w *Writer) Size() int64 { return w.file.Size() }

// Seal finishes the segment. The Writer cannot be used afterwards.
func (w *Writer) Seal() (Sealed, error) {
	if w.Empty() {
		return Sealed{}, fmt.Errorf("segment: seal: no records")
	}
	err := w.flush(len(w.rows))
	if err != nil {
		return Sealed{}, err
	}
	err = w.file.Flush()
	if err != nil {
		return Sealed{}, fmt.Errorf("segment: seal: %w", err)
	}
	w.footer.Pages = sha256.Sum256(w.out.Bytes()[magicBytes:])
	for i, value := range w.footer.values() {
		w.file.SetKeyValueMetadata(metadataPrefix+footerKeys[i], value)
	}
	w.file.SetKeyValueMetadata(sumKey, blankSum)
	err = w.file.Close()
	if err != nil {
		return Sealed{}, fmt.Errorf("segment: seal: %w", err)
	}
	w.footer.Sum, err = sealFooter(w.out.Bytes())
	if err != nil {
		return Sealed{}, fmt.Errorf("segment: seal: %w", err)
	}
	name := Name{Source: w.source, Date: w.first, First: w.footer.First}
	return Sealed{Key: name.Key(), Data: w.out.Bytes(), Footer: w.footer}, nil
}

// flush writes the first n rows to the columns. It is called at fixed counts, so that pages begin
// at the same rows in every writer.
func (w *Writer) flush(n int) error {
	if n == 0 {
		return nil
	}
	writers := w.file.ColumnWriters()
	for c := range codecs {
		w.arena.bytes = w.arena.bytes[:0]
		values := w.values[:n]
		codecs[c].put(&w.arena, w.rows, values)
		_, err := writers[c].WriteRowValues(values)
		if err != nil {
			return fmt.Errorf("segment: write column %d: %w", c, err)
		}
	}
	w.rows = append(w.rows[:0], w.rows[n:]...)
	w.group += n
	if w.group < rowsPerRowGroup {
		return nil
	}
	w.group = 0
	err := w.file.Flush()
	if err != nil {
		return fmt.Errorf("segment: write row group: %w", err)
	}
	return nil
}
