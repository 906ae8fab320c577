package segment

import (
	"context"
	"errors"
	"fmt"
	"io"

	"passbook/shared/bucket"
)

// firstTail is how much of an object's end is read at first. A footer is seldom longer.
const firstTail = 64 << 10

// ReadFooter reads only the footer of a segment, in one or two ranges. It checks the footer, not
// the pages.
func ReadFooter(ctx context.Context, b bucket.Bucket, key string) (Footer, error) {
	name, err := ParseKey(key)
	if err != nil {
		return Footer{}, err
	}
	o, err := b.Open(ctx, key)
	if err != nil {
		return Footer{}, openError(key, err)
	}
	defer o.Close()
	s := &Segment{Key: key, Name: name}
	tail, err := readTail(o, min(firstTail, o.Size()))
	if err != nil {
		return Footer{}, fmt.Errorf("read the footer of segment %s: %w", key, err)
	}
	var length int64
	err = s.guard(func() (err error) {
		length, err = footerLength(tail, o.Size())
		return err
	})
	if err != nil {
		return Footer{}, err
	}
	if length > int64(len(tail)) {
		tail, err = readTail(o, length)
		if err != nil {
			return Footer{}, fmt.Errorf("read the footer of segment %s: %w", key, err)
		}
	}
	tail = tail[int64(len(tail))-length:]
	err = s.guard(func() error {
		return s.parseFooter(&tailReader{tail: tail, start: o.Size() - int64(len(tail))}, o.Size(), tail)
	})
	return s.Footer, err
}

func readTail(o bucket.Object, length int64) ([]byte, error) {
	tail := make([]byte, length)
	n, err := o.ReadAt(tail, o.Size()-length)
	if n < len(tail) {
		return nil, err
	}
	return tail, nil
}

// tailReader reads the end of an object from memory.
type tailReader struct {
	tail  []byte
	start int64
}

// ReadAt reads from the tail only.
func (t *tailReader) ReadAt(p []byte, off int64) (int, error) {
	if off < t.start {
		return 0, errors.New("read before the footer")
	}
	n := copy(p, t.tail[min(off-t.start, int64(len(t.tail))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
