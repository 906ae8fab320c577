package segment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// MaxBytes is the size of the largest object that is read. A segment is in memory while it is read.
const MaxBytes = 1 << 30

// The errors of an object, wrapped in a text that names it. Unusable is true of each.
var (
	// ErrDamaged: the object is not a complete segment, or does not match its footer or its hashes.
	ErrDamaged = errors.New("damaged")
	// ErrNewer: the segment was written by a newer program.
	ErrNewer = errors.New("written in a newer format")
	// ErrUnreadable: the bucket lists the object, but it is gone or may not be read.
	ErrUnreadable = errors.New("unreadable")
)

// Unusable reports whether an error concerns one object alone: its entries are missing, and the
// other segments can be read nevertheless.
func Unusable(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) || errors.Is(err, ErrUnreadable)
}

// openError returns the error of an object that cannot be opened. It is ErrUnreadable where the
// object is gone, or access to it is denied.
func openError(key string, err error) error {
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("segment %s: %w: %w", key, ErrUnreadable, err)
	}
	return fmt.Errorf("open segment %s: %w", key, err)
}

// Segment is an open segment: its footer, and its bytes in memory. Several goroutines may walk it
// at once.
type Segment struct {
	Key    string
	Name   Name
	Footer Footer
	file   *parquet.File
	// indexes are those of format 2; those of format 1 are read by nothing here.
	indexes indexes
}

// ReadObject returns the content of an object of at most MaxBytes. Where the error concerns the
// object alone, Unusable is true of it.
func ReadObject(ctx context.Context, b bucket.Bucket, key string) ([]byte, error) {
	object, err := b.Open(ctx, key)
	if err != nil {
		return nil, openError(key, err)
	}
	defer object.Close()
	if object.Size() > MaxBytes {
		return nil, fmt.Errorf("segment %s: %w: %d bytes", key, ErrDamaged, object.Size())
	}
	data, err := bucket.Content(object)
	if err != nil {
		return nil, fmt.Errorf("read segment %s: %w", key, err)
	}
	return data, nil
}

// Open reads the segment at key and checks it: the Parquet structure, the schema, the footer, and
// the checksum of the pages.
func Open(ctx context.Context, b bucket.Bucket, key string) (*Segment, error) {
	data, err := ReadObject(ctx, b, key)
	if err != nil {
		return nil, err
	}
	return Parse(key, data)
}

// Parse opens a segment from bytes that were read already. It keeps data, which MUST NOT change any
// more.
func Parse(key string, data []byte) (*Segment, error) {
	name, err := ParseKey(key)
	if err != nil {
		return nil, err
	}
	s := &Segment{Key: key, Name: name}
	err = s.guard(func() error { return s.parse(data) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// guard runs f and names the object in its error. It turns a panic into an error: the Parquet
// library panics on some damage that no checksum covers.
func (s *Segment) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("segment %s: %w: %v", s.Key, ErrDamaged, p)
		}
	}()
	err = f()
	if err == nil {
		return nil
	}
	return fmt.Errorf("segment %s: %w: %w", s.Key, damageKind(err), err)
}

// damageKind returns ErrNewer where a newer program wrote the data, else ErrDamaged.
func damageKind(err error) error {
	var format *event.FormatError
	if errors.Is(err, ErrNewer) || errors.As(err, &format) {
		return ErrNewer
	}
	return ErrDamaged
}

func (s *Segment) parse(data []byte) error {
	footer, err := footerOf(data)
	if err != nil {
		return err
	}
	err = s.parseFooter(bytes.NewReader(data), int64(len(data)), footer)
	if err != nil {
		return err
	}
	end, err := s.pagesEnd(data)
	if err != nil {
		return err
	}
	if sha256.Sum256(data[magicBytes:end]) != s.Footer.Pages {
		return errors.New("the pages do not match the checksum in the footer")
	}
	pages, err := s.checkPages(data)
	if err != nil || s.Footer.Format < 2 {
		return err
	}
	return s.readIndexes(pages)
}

// parseFooter reads and checks the footer of an object of size bytes, which r reads.
func (s *Segment) parseFooter(r io.ReaderAt, size int64, footer []byte) error {
	sum, err := checkFooter(footer)
	if err != nil {
		return err
	}
	err = checkLists(footer[:len(footer)-footerTail])
	if err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	s.file, err = openFile(r, size)
	if err != nil {
		return err
	}
	s.Footer, err = parseFooter(s.Name.Format, s.file.Lookup)
	if err != nil {
		return err
	}
	if s.Footer.Sum != sum {
		return errors.New("the footer names another checksum than its own")
	}
	return s.checkMetadata()
}

// checkMetadata compares the footer with the object's name and the Parquet metadata.
func (s *Segment) checkMetadata() error {
	switch {
	case s.Footer.First != s.Name.First:
		return fmt.Errorf("the footer begins at sequence %s", s.Footer.First)
	case stream.CompareSequence(s.Footer.First, s.Footer.Last) > 0:
		return fmt.Errorf("the footer ends at sequence %s", s.Footer.Last)
	case s.file.Schema().String() != s.layout().schema.String():
		return fmt.Errorf("the schema is not that of a segment of format %d", s.Footer.Format)
	case s.Footer.Format >= 2 && (dayOf(s.Footer.Arrived.From) != s.Name.Date || dayOf(s.Footer.Arrived.To) != s.Name.Date):
		return fmt.Errorf("the rows arrived from %s to %s, not on the day of the key", dayOf(s.Footer.Arrived.From).Format(time.DateOnly), dayOf(s.Footer.Arrived.To).Format(time.DateOnly))
	case s.file.NumRows() != s.Footer.Rows:
		return fmt.Errorf("%d rows, but the footer counts %d", s.file.NumRows(), s.Footer.Rows)
	}
	return nil
}

// dayOf returns the UTC day of a time in microseconds since 1970, as midnight.
func dayOf(micros int64) time.Time { return time.UnixMicro(micros).UTC().Truncate(24 * time.Hour) }

func openFile(r io.ReaderAt, size int64) (*parquet.File, error) {
	return parquet.OpenFile(r, size, parquet.SkipMagicBytes(true), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
}

func (s *Segment) layout() *layout { return layouts[s.Footer.Format] }

// pagesEnd returns where that ends which the checksum of the pages covers: in format 1 the last
// page of any column.
func (s *Segment) pagesEnd(data []byte) (int64, error) {
	size := int64(len(data))
	if s.Footer.Format > 1 {
		length, err := footerLength(data, size)
		return size - length, err
	}
	end := int64(magicBytes)
	for _, group := range s.file.Metadata().RowGroups {
		for _, chunk := range group.Columns {
			start := chunk.MetaData.DataPageOffset
			if dictionary := chunk.MetaData.DictionaryPageOffset; dictionary > 0 {
				start = min(start, dictionary)
			}
			length := chunk.MetaData.TotalCompressedSize
			if start < magicBytes || length < 0 || start > size || length > size-start {
				return 0, errors.New("a column lies outside the object")
			}
			end = max(end, start+length)
		}
	}
	return end, nil
}
