package lines

import (
	"bufio"
	"errors"
	"io"
	"time"
)

// ErrTooLong means that a line is longer than the most. The lines after it can still be read.
var ErrTooLong = errors.New("lines: a line is too long")

// Reader reads lines.
type Reader struct{ in *bufio.Reader }

// NewReader returns a Reader of lines of at most so many bytes, with their line breaks.
func NewReader(in io.Reader, most int) *Reader { return &Reader{bufio.NewReaderSize(in, most)} }

// Next returns the next line without its line break, which the last line need not have: that comes
// with io.EOF. The line is good until the next call.
func (r *Reader) Next() ([]byte, error) {
	text, err := r.in.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) {
		return trim(text), err
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, ErrTooLong
}

func trim(text []byte) []byte {
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return text
}

// Discard reads what comes and drops it, for at most this long.
func (r *Reader) Discard(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); {
		if _, err := r.in.Discard(r.in.Size()); err != nil {
			return
		}
	}
}
