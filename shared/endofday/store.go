package endofday

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/bucket"
)

// Root begins the keys of manifests and of their parts.
const Root = "days/v1/"

const (
	manifestsRoot = Root + "manifests/"
	partsRoot     = Root + "parts/"
)

// maxObject bounds an object that is read: a part has about 65,536 lines.
const maxObject = 256 << 20

// Key returns the key of the manifest of a date.
func Key(date string) string { return manifestsRoot + date + ".txt" }

// partKey returns the key of a part.
func partKey(sum string) string { return partsRoot + sum + ".ndjson" }

// Stored is a manifest in the bucket.
type Stored struct {
	Key string
	// Text is the object, as it is given to somebody who keeps it.
	Text []byte
	// Manifest is what is signed, and Err why it is not the bank's.
	Manifest
	Err error
}

// List walks the manifests in the bucket by date, the oldest first, those included that none of the
// keys signed. An error is the last.
func List(ctx context.Context, b bucket.Bucket, keys []note.Verifier) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		for after := ""; ; {
			page, err := b.List(ctx, manifestsRoot, after)
			if err != nil {
				yield(Stored{}, fmt.Errorf("list %s: %w", manifestsRoot, err))
				return
			}
			for _, o := range page.Objects {
				if _, named := parseKey(o.Key); !named {
					continue
				}
				s, err := Read(ctx, b, o.Key, keys)
				if !yield(s, err) || err != nil {
					return
				}
			}
			if after = page.After; after == "" {
				return
			}
		}
	}
}

// parseKey returns the date whose manifest has a key.
func parseKey(key string) (date string, ok bool) {
	date = strings.TrimSuffix(strings.TrimPrefix(key, manifestsRoot), ".txt")
	_, err := ParseDate(date)
	return date, err == nil && Key(date) == key
}

// Read returns the manifest with a key, or bucket.ErrNotFound.
func Read(ctx context.Context, b bucket.Bucket, key string, keys []note.Verifier) (Stored, error) {
	text, err := readObject(ctx, b, key)
	if err != nil {
		return Stored{}, err
	}
	s := Stored{Key: key, Text: text}
	s.Manifest, s.Err = Open(text, keys)
	if s.Err == nil && Key(s.Date) != key {
		s.Err = fmt.Errorf("it is the manifest of %s", s.Date)
	}
	return s, nil
}

// ReadPart returns the lines of a part.
func ReadPart[T any](ctx context.Context, b bucket.Bucket, p Part) (lines []T, err error) {
	if p.Lines == 0 {
		return nil, nil
	}
	key := partKey(p.Sum)
	data, err := readObject(ctx, b, key)
	if err != nil {
		return nil, err
	}
	if is := sumOf(data); is != p.Sum {
		return nil, &PartError{key, fmt.Errorf("it is not what was signed: its SHA-256 is %s", is)}
	}
	lines, err = parseLines[T](data)
	if err == nil && int64(len(lines)) != p.Lines {
		err = fmt.Errorf("it has %d lines, and the manifest says %d", len(lines), p.Lines)
	}
	if err != nil {
		return nil, &PartError{key, err}
	}
	return lines, nil
}

// PartError says what is wrong with a part.
type PartError struct {
	Key string
	Err error
}

func (e *PartError) Error() string { return e.Key + ": " + e.Err.Error() }

func (e *PartError) Unwrap() []error { return []error{ErrBroken, e.Err} }

// putPart creates the object of a part, which another run may have made.
func putPart(ctx context.Context, b bucket.Bucket, lines int64, data []byte) (Part, error) {
	if lines == 0 {
		return Part{}, nil
	}
	p := Part{lines, sumOf(data)}
	return p, create(ctx, b, partKey(p.Sum), data)
}

// create creates an object, or finds that it is there with the same content.
func create(ctx context.Context, b bucket.Bucket, key string, data []byte) error {
	err := b.Create(ctx, key, data)
	if !errors.Is(err, bucket.ErrExists) {
		return err
	}
	stored, err := readObject(ctx, b, key)
	if err == nil && !bytes.Equal(stored, data) {
		err = fmt.Errorf("another object has the key %s, which no program of this bank made: keep a copy of it and remove it", key)
	}
	return err
}

// readObject returns the content of an object.
func readObject(ctx context.Context, b bucket.Bucket, key string) ([]byte, error) {
	o, err := b.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	defer o.Close()
	if o.Size() > maxObject {
		return nil, &PartError{key, fmt.Errorf("it has %d bytes, more than a manifest or a part of one may have", o.Size())}
	}
	data, err := bucket.Content(o)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}
