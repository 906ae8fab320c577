package lines

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Body is a body that is read while the answer is written, with a deadline for each read and write.
type Body struct {
	In      io.Reader
	Control *http.ResponseController
	// Idle is how long the caller may be silent in both directions, and Quiet the longest pause of
	// a caller that still sends once Reading is done.
	Idle, Quiet time.Duration
	Reading     context.Context
	// Ended says that it was read to its end.
	Ended bool
}

// Read reads from the body. A caller that sends is not gone, so each read extends its time to take
// answers.
func (b *Body) Read(p []byte) (int, error) {
	b.ExtendRead()
	n, err := b.In.Read(p)
	if n > 0 {
		b.ExtendWrite()
	}
	b.Ended = b.Ended || errors.Is(err, io.EOF)
	return n, err
}

// ExtendWrite gives the caller another Idle to read something. Errors are ignored, here and below:
// where deadlines are not supported there is none to extend.
func (b *Body) ExtendWrite() { _ = b.Control.SetWriteDeadline(time.Now().Add(b.Idle)) }

// ExtendRead gives the caller another Idle to send something. Once Reading is done, only what is on
// its way is read.
func (b *Body) ExtendRead() {
	if b.Reading.Err() == nil {
		_ = b.Control.SetReadDeadline(time.Now().Add(b.Idle))
	}
	// When Reading has ended since the line above, that line undid the deadline that wakes the
	// reader.
	if b.Reading.Err() != nil {
		_ = b.Control.SetReadDeadline(time.Now().Add(b.Quiet))
	}
}
