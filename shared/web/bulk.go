package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/telemetry"
)

const (
	bulkPath = "/v1/bulk"
	// bulkWindow is how many lines of one request are in progress or wait to be written.
	bulkWindow = 256
	// bulkIdle is how long a bulk request may be silent, in either direction.
	bulkIdle = time.Minute
	// bulkBuffer is how much is read or written at once.
	bulkBuffer = MaxBodyBytes + 1
)

// bulk serves many commands in one request. Three parts work at once: one reads lines and starts their commands, the commands
// run, and this goroutine writes the results in the order of the lines. A slot is a line on its way through them, and the
// window bounds how many there are.
func (s *Server) bulk(operations []Operation) echo.HandlerFunc {
	byName := make(map[string][]Operation, len(operations))
	for _, o := range operations {
		byName[o.Op] = append(byName[o.Op], o)
	}
	return func(c echo.Context) error {
		r := c.Request()
		if !hasMediaType(r.Header, contentRows[0]) {
			return Refuse(CodeUnsupportedMediaType)
		}
		if s.draining.Err() != nil {
			return Refuse(CodeShuttingDown)
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		b := &bulkRequest{
			server: s, operations: byName, lines: bufio.NewReaderSize(r.Body, bulkBuffer),
			slots: make(chan *slot, bulkWindow), last: make(map[string]*slot),
			control: http.NewResponseController(c.Response()), correlationID: telemetry.Correlation(ctx),
		}
		// HTTP/1 needs to be told that the body is read on while the answer is written. A recorder cannot, and need not.
		if err := b.control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("read and write at once: %w", err)
		}
		c.Response().Header()["Content-Type"] = contentRows
		c.Response().WriteHeader(http.StatusOK)
		b.serve(ctx, c.Response())
		return nil
	}
}

// bulkRequest is one request to bulk.
type bulkRequest struct {
	server        *Server
	operations    map[string][]Operation
	lines         *bufio.Reader
	slots         chan *slot
	control       *http.ResponseController
	correlationID string
	// last is the newest line of each account that may still be in progress. Only the reading goroutine uses it.
	last map[string]*slot
}

// slot is one line.
type slot struct {
	number int
	// done is closed when result is there.
	done   chan struct{}
	result []byte
}

// serve reads, runs and writes until the last result is written or the caller is gone. Nothing of it goes on afterwards, not even
// the call that wakes the reader: a deadline set late would hit the connection's next request.
func (b *bulkRequest) serve(ctx context.Context, w io.Writer) {
	running, stopRunning := context.WithCancel(ctx)
	defer stopRunning()
	reading, stopReading := context.WithCancel(running)
	defer stopReading()
	defer context.AfterFunc(b.server.draining, stopReading)()
	woken := make(chan struct{})
	sleep := context.AfterFunc(reading, func() {
		defer close(woken)
		_ = b.control.SetReadDeadline(time.Now())
	})
	go func() {
		defer close(b.slots)
		b.read(running, reading)
	}()
	if err := b.write(w); err != nil { // the caller is gone
		stopRunning()
	}
	for s := range b.slots { // closed when the reader has ended
		<-s.done
	}
	if !sleep() {
		<-woken
	}
}

// write sends the results in order, and flushes whenever the next one is not there yet.
func (b *bulkRequest) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, bulkBuffer)
	for {
		s, ok := b.next(out)
		if !ok {
			return b.flush(out)
		}
		select {
		case <-s.done:
		default:
			if err := b.flush(out); err != nil {
				<-s.done
				return err
			}
			<-s.done
		}
		if out.Available() < len(s.result) {
			b.extendWrite()
		}
		if _, err := out.Write(s.result); err != nil {
			return err
		}
	}
}

// next takes the next slot, and flushes before it waits for one. An error of the flush shows again at the next write.
func (b *bulkRequest) next(out *bufio.Writer) (*slot, bool) {
	select {
	case s, ok := <-b.slots:
		return s, ok
	default:
	}
	_ = b.flush(out)
	s, ok := <-b.slots
	return s, ok
}

func (b *bulkRequest) flush(out *bufio.Writer) error {
	b.extendWrite()
	if err := out.Flush(); err != nil {
		return err
	}
	if err := b.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// extendWrite and extendRead give the caller another bulkIdle to take or to send something. Where deadlines are not supported
// there is nothing to extend.
func (b *bulkRequest) extendWrite() { _ = b.control.SetWriteDeadline(time.Now().Add(bulkIdle)) }

func (b *bulkRequest) extendRead(reading context.Context) {
	_ = b.control.SetReadDeadline(time.Now().Add(bulkIdle))
	if reading.Err() != nil { // it ended meanwhile, and what woke the reader was just undone
		_ = b.control.SetReadDeadline(time.Now())
	}
}

// read starts a command for each line until there are no more, or reading ends: the caller is gone or the server drains.
func (b *bulkRequest) read(running, reading context.Context) {
	for number := 1; ; number++ {
		text, err := b.line(reading)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLineTooLong) {
			return
		}
		last := errors.Is(err, io.EOF)
		if len(text) == 0 && !errors.Is(err, errLineTooLong) {
			if last {
				return
			}
			continue // an empty line is none
		}
		s := &slot{number: number, done: make(chan struct{})}
		select {
		case b.slots <- s:
		case <-running.Done():
			return
		}
		switch {
		case errors.Is(err, errLineTooLong):
			s.refuse(Refuse(CodeBodyTooLarge), b.correlationID)
		case reading.Err() != nil:
			s.refuse(Refuse(CodeShuttingDown), b.correlationID)
			return
		default:
			b.start(running, s, text)
		}
		if last {
			return
		}
	}
}

// errLineTooLong is a line of more than MaxBodyBytes; the lines after it are read on.
var errLineTooLong = errors.New("bulk: line too long")

// line reads one line, without its end. The last one needs none.
func (b *bulkRequest) line(reading context.Context) ([]byte, error) {
	if b.lines.Buffered() == 0 {
		b.extendRead(reading)
	}
	text, err := b.lines.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) {
		return trimLine(text), err
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		b.extendRead(reading)
		_, err = b.lines.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, errLineTooLong
}

func trimLine(text []byte) []byte {
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return text
}

// start decodes a line and runs its command once the earlier lines of its accounts are done.
func (b *bulkRequest) start(ctx context.Context, s *slot, text []byte) {
	work := b.decode(text)
	if len(work.runs) == 0 {
		s.refuse(work.problem, b.correlationID)
		return
	}
	var before []*slot
	for _, id := range work.runs[0].accounts() {
		if earlier := b.last[id]; earlier != nil {
			before = append(before, earlier)
		}
		b.last[id] = s
	}
	if len(b.last) > 4*bulkWindow {
		b.forget()
	}
	go func() {
		for _, earlier := range before {
			<-earlier.done
		}
		b.run(ctx, s, work)
	}()
}

// forget drops the accounts whose lines are done.
func (b *bulkRequest) forget() {
	for id, s := range b.last {
		select {
		case <-s.done:
			delete(b.last, id)
		default:
		}
	}
}
