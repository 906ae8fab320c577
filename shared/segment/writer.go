package segment

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"passbook/shared/event"
	"passbook/shared/stream"
)

// magicBytes is the length of the "PAR1" that a Parquet file starts with.
const magicBytes = 4

// Writer makes one segment. It keeps compressed pages and one unfinished page of each column in
// memory, not the records. It is not safe for concurrent use.
type Writer struct {
	source Source
	layout *layout
	footer Footer
	first  time.Time // arrival of the first record
	seen   map[event.Hash]struct{}
	heads  heads
	tree   tree

	rows   []Row
	rests  []byte
	group  int // rows of the unfinished row group
	values [batchRows]parquet.Value
	arena  arena
	out    bytes.Buffer
	file   *parquet.GenericWriter[any]
}

// Sealed is a finished segment.
type Sealed struct {
	Key    string
	Data   []byte
	Footer Footer
}

// NewWriter begins the segment of a source that follows previous, in a format from 1 to Format. The
// bank is the id of the one whose entries they are; format 1 has no room for it.
func NewWriter(format int, bank string, source Source, previous Link) *Writer {
	format = min(max(format, 1), Format)
	if format == 1 {
		bank, previous.Sum = "", event.Hash{}
	}
	w := &Writer{
		source: source, layout: layouts[format],
		footer: Footer{Format: format, Bank: bank, Previous: previous}, seen: make(map[event.Hash]struct{}),
	}
	compression := parquet.Compression(&compressor{Codec: zstd.Codec{Level: w.layout.level}})
	w.file = parquet.NewGenericWriter[any](&w.out, append(slices.Clip(w.layout.options), compression)...)
	return w
}

// Append adds a record, whose sequence number MUST be greater than the last one's. An exact repeat
// of an entry in the segment only moves the segment's end.
func (w *Writer) Append(rec Record) error {
	if !isSequence(rec.Sequence) || (w.footer.Last != "" && stream.CompareSequence(rec.Sequence, w.footer.Last) <= 0) {
		return fmt.Errorf("segment: append sequence %s after %s", rec.Sequence, w.footer.Last)
	}
	if rec.Entry.Signed() && w.footer.Format < 2 {
		return fmt.Errorf("segment: append %s/%s v%d: a segment of format 1 has no room for its mac", rec.Entry.Tenant, rec.Entry.AccountID, rec.Entry.First)
	}
	if w.footer.Format >= 2 && !w.Empty() && dayOf(rec.Arrived.UnixMicro()) != dayOf(w.first.UnixMicro()) {
		return fmt.Errorf("segment: append %s, which arrived at %s, to a segment of %s: a segment of format 2 has the records of one day",
			rec.Sequence, rec.Arrived.UTC().Format(time.RFC3339), w.first.UTC().Format(time.DateOnly))
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
	w.rows = appendRows(w.rows, w.footer.Format, rec, w.source.Shard, w.rest(rec.Entry))
	w.footer.Rows += int64(len(rec.Entry.Events))
	for len(w.rows) >= batchRows {
		err := w.flush(batchRows)
		if err != nil {
			return err
		}
	}
	return nil
}

// restBlock is how much memory for the column entry is allocated at once; maxRest is the size of a
// large value.
const (
	restBlock = 64 << 10
	maxRest   = 1 << 10
)

// rest encodes an entry's column entry in memory that lives as long as its row waits.
func (w *Writer) rest(e *event.Entry) []byte {
	if cap(w.rests)-len(w.rests) < maxRest {
		w.rests = make([]byte, 0, restBlock)
	}
	var prev event.Hash
	var known bool
	if w.footer.Format >= 2 {
		w.tree.add(e.Hash)
		prev, known = w.heads.next(w.footer.Rows, e.Tenant, e.AccountID, e.First)
		w.heads.add(e.Tenant, e.AccountID, e.Last, e.Hash)
	}
	start := len(w.rests)
	w.rests = appendRest(w.rests, w.footer.Format, e, prev, known)
	return w.rests[start:len(w.rests):len(w.rests)]
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

// Format returns the segment's format.
func (w *Writer) Format() int { return w.footer.Format }

// Last returns the sequence number of the last record, "" before the first.
func (w *Writer) Last() string { return w.footer.Last }

// Size returns an upper estimate of the bytes that the segment would have if it were sealed now.
func (w *Writer) Size() int64 { return w.file.Size() }

// Seal finishes the segment. The Writer cannot be used afterwards.
func (w *Writer) Seal() (Sealed, error) {
	if w.Empty() {
		return Sealed{}, errors.New("segment: seal: no records")
	}
	if w.footer.Format > 1 && w.footer.Bank == "" {
		return Sealed{}, errors.New("segment: seal: format 2 needs the bank's id")
	}
	err := w.flush(len(w.rows))
	if err != nil {
		return Sealed{}, err
	}
	err = w.file.Flush()
	if err != nil {
		return Sealed{}, fmt.Errorf("segment: seal: %w", err)
	}
	if w.footer.Format == 1 {
		w.footer.Pages = sha256.Sum256(w.out.Bytes()[magicBytes:])
	} else {
		w.footer.Root = w.tree.root()
	}
	w.file.SetKeyValueMetadata(metadataPrefix+"format", strconv.Itoa(w.footer.Format))
	for _, f := range w.footer.fields() {
		w.file.SetKeyValueMetadata(metadataPrefix+f.key, f.value())
	}
	w.file.SetKeyValueMetadata(sumKey, blankSum)
	err = w.file.Close()
	if err != nil {
		return Sealed{}, fmt.Errorf("segment: seal: %w", err)
	}
	pages, sum, err := sealFooter(w.out.Bytes(), w.footer.Format)
	if err != nil {
		return Sealed{}, fmt.Errorf("segment: seal: %w", err)
	}
	if w.footer.Format > 1 {
		w.footer.Pages = pages
	}
	w.footer.Sum = sum
	name := Name{Source: w.source, Format: w.footer.Format, Date: w.first, First: w.footer.First}
	return Sealed{Key: name.Key(), Data: w.out.Bytes(), Footer: w.footer}, nil
}

// flush writes the first n rows to the columns. It is called at fixed counts, so that pages begin
// at the same rows in every writer.
func (w *Writer) flush(n int) error {
	if n == 0 {
		return nil
	}
	writers := w.file.ColumnWriters()
	for c, column := range w.layout.columns {
		w.arena.bytes = w.arena.bytes[:0]
		values := w.values[:n]
		column.put(&w.arena, w.rows, values)
		_, err := writers[c].WriteRowValues(values)
		if err != nil {
			return fmt.Errorf("segment: write column %s: %w", column.name, err)
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
