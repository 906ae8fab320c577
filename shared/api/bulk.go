package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/admission"
	"passbook/shared/api/backlog"
	"passbook/shared/api/lines"
	"passbook/shared/backoff"
	"passbook/shared/journal/dryrun"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

const (
	bulkPath   = "/v1/bulk"
	mediaLines = "application/x-ndjson"
	// bulkIdle is how long a bulk request may be silent in both directions.
	bulkIdle = time.Minute
	// bulkUnread is how long a full backlog waits for its caller to read.
	bulkUnread = bulkIdle / 2
	// bulkQuiet is the longest pause of a caller that still sends once no more lines are executed.
	bulkQuiet = 250 * time.Millisecond
	// bulkDiscardDraining and bulkDiscardUnread bound how long such a caller's lines are read and
	// discarded: when the server drains, and when too many results are unread.
	bulkDiscardDraining = 5 * time.Second
	bulkDiscardUnread   = 10 * time.Minute
	// identifyEvery is how long a caller may send lines before its credential is looked at again.
	identifyEvery = time.Second
	// bulkResults is about how many bytes of results are handed over at once.
	bulkResults = 32 << 10
	// bulkBuffer is how many bytes are read at once: a whole line fits.
	bulkBuffer = web.MaxBodyBytes + 1
)

// bulk serves many commands in one request. Three goroutines work at once: one reads lines and
// submits their commands, one collects their results in the order of the lines, and this one writes
// them. A slot is a line on its way through them, and the window bounds their number. The answer's
// header is sent with the first result; a caller that waits for "100 Continue" gets it from the
// first read.
func (s *Server) bulk(operations []Operation, unknown *commandCounts) echo.HandlerFunc {
	byName := make(map[string][]Operation, len(operations))
	for _, o := range operations {
		byName[o.Op] = append(byName[o.Op], o)
	}
	return func(c echo.Context) error {
		r := c.Request()
		if !web.HasMediaType(r.Header, mediaLines) {
			return web.Refuse(web.UnsupportedMediaType)
		}
		dry, err := asksDryRun(c)
		if err != nil {
			return err
		}
		if s.Draining().Err() != nil {
			return web.Refuse(web.ShuttingDown)
		}
		control := http.NewResponseController(c.Response())
		// HTTP/1 must be told that the body is still read while the answer is written. A recorder
		// of a test does not support that, and does not need it.
		if err := control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("read the body while the answer is written: %w", err)
		}
		c.Response().Header()["Content-Type"] = []string{mediaLines}
		window := lines.Open[slot](&s.windows)
		defer s.windows.Close()
		b := &bulkRequest{
			server: s, operations: byName, unknown: unknown, window: window, newest: make(map[string]uint64), span: trace.From(r.Context()),
			results: backlog.New(&s.backlog, s.maxBacklog), control: control, correlationID: telemetry.Correlation(r.Context()), who: web.CallerOf(r.Context()),
			principal: access.From(r.Context()),
			identify:  func() (*access.Principal, error) { return s.Identify(c) }, identified: time.Now(),
		}
		if dry {
			b.dry = s.dryRuns.New(b.principal.Tenant + " " + b.principal.Actor)
			defer b.dry.Close()
		}
		body := &lines.Body{In: r.Body, Control: control, Idle: bulkIdle, Quiet: bulkQuiet}
		b.serve(r.Context(), body, c.Response())
		if !c.Response().Committed {
			c.Response().WriteHeader(http.StatusOK) // there was no line
		}
		if !body.Ended {
			web.Abandon(r)
		}
		return nil
	}
}

// bulkRequest is one request to bulk.
type bulkRequest struct {
	server        *Server
	operations    map[string][]Operation
	unknown       *commandCounts // of lines whose op is no operation's
	body          *lines.Body
	lines         *lines.Reader
	window        *lines.Window[slot]
	results       *backlog.Backlog
	control       *http.ResponseController
	correlationID string
	who           admission.Caller
	principal     *access.Principal
	// identify asks again who the caller is, which was last done at identified.
	identify   func() (*access.Principal, error)
	identified time.Time
	dry        *dryrun.Run // nil where the lines are executed
	// reading is done when no more lines are executed: the caller is gone, or the server drains.
	reading context.Context
	span    *trace.Span
	// newest is the newest line of each account that may be in the window. Only the reading
	// goroutine uses it, and the memory of decode below.
	newest map[string]uint64
	fields web.Fields
	runs   []lineRun
}

// serve reads, runs and writes until the last result is written or the caller is gone. A command
// that has begun is executed even when the body fails: net/http cancels the request's context at
// the first read that fails, also for its deadline, so commands run without it. serve leaves
// nothing running, not even the call that wakes the reader: a deadline set late would hit the
// connection's next request.
func (b *bulkRequest) serve(ctx context.Context, body *lines.Body, w io.Writer) {
	running, stopRunning := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRunning()
	reading, stopReading := context.WithCancel(running)
	defer stopReading()
	defer context.AfterFunc(b.server.Draining(), stopReading)()
	body.Reading, b.body = reading, body
	b.reading, b.lines = reading, lines.NewReader(body, bulkBuffer)
	woken := make(chan struct{})
	sleep := context.AfterFunc(reading, func() {
		defer close(woken)
		b.body.ExtendRead()
	})
	go func() {
		defer b.window.Close()
		b.read(running)
	}()
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		defer b.results.Close()
		b.collect(running)
	}()
	if err := b.write(w); err != nil { // the caller is gone
		stopRunning()
	}
	<-collected
	b.results.Drop()
	if !sleep() {
		<-woken
	}
}

// collect takes the lines that have ended, in their order, and hands their results over, as many at
// a time as there are, until there are no more lines.
func (b *bulkRequest) collect(running context.Context) {
	var results web.JSON
	for {
		s, more := b.window.First()
		ended := s != nil && s.state.Load() == lineEnded
		if ended {
			b.appendResult(&results, s.number, b.outcome(s))
			b.window.Take()
		}
		switch {
		case ended && len(results) < bulkResults:
		case len(results) > 0:
			b.results.Add(results)
			results = results[:0]
		case s == nil && !more:
			return
		default:
			b.awaitChange(running, s)
		}
	}
}

// awaitChange waits until the line whose turn it is has changed, or come. A line that was submitted
// is given up when its time is over, or its caller is gone: those after it began later.
func (b *bulkRequest) awaitChange(running context.Context, s *slot) {
	if s == nil || s.state.Load() != lineSubmitted {
		<-b.window.Changed
		return
	}
	late := time.NewTimer(time.Until(s.begun.Add(b.server.Timeout())))
	defer late.Stop()
	select {
	case <-b.window.Changed:
		return
	case <-late.C:
	case <-running.Done():
	}
	s.giveUp()
}

// write sends the results in order, as many at a time as there are.
func (b *bulkRequest) write(w io.Writer) error {
	var results []byte
	for {
		var err error
		if results, err = b.results.Take(results); err != nil || len(results) == 0 {
			return err
		}
		b.body.ExtendWrite()
		if _, err := w.Write(results); err != nil {
			return err
		}
		if err := b.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		b.body.ExtendRead() // a caller that reads is not gone
	}
}

// read starts a command for each line until there are no more. When it stops before the end of the
// body, the last result says why and at which line, and further lines are read and discarded, so
// that a caller that reads only afterwards is not cut off before it has the answers.
func (b *bulkRequest) read(running context.Context) {
	number, refusal := b.readLines(running)
	if refusal == nil || running.Err() != nil {
		return
	}
	if s := b.add(running, number, false); s != nil {
		s.refuse(refusal)
	}
	switch refusal.Code {
	case web.ShuttingDown.Code:
		b.lines.Discard(bulkDiscardDraining)
	case AnswersNotTaken.Code, web.CredentialsInvalid.Code, web.CredentialsExpired.Code, web.AccessUnavailable.Code, web.ScopeMissing.Code:
		b.lines.Discard(bulkDiscardUnread)
	}
}

// readLines starts a command for each line. When it stops before the end of the body, it returns at
// which line and why.
func (b *bulkRequest) readLines(running context.Context) (number int, refusal *web.Problem) {
	for number = 1; ; number++ {
		if refusal := b.mayContinue(running); refusal != nil {
			return number, refusal
		}
		text, err := b.lines.Next()
		ended, tooLong := errors.Is(err, io.EOF), errors.Is(err, lines.ErrTooLong)
		switch {
		case err != nil && !ended && !tooLong && b.reading.Err() != nil:
			return number, web.Refuse(web.ShuttingDown)
		case err != nil && !ended && !tooLong:
			return number, web.Refuse(web.RequestIncomplete)
		case len(text) > 0 || tooLong: // empty lines are skipped
			if b.server.AwaitRate(b.reading) != nil {
				return number, web.Refuse(web.ShuttingDown)
			}
			if refusal := b.identifyAgain(); refusal != nil {
				return number, refusal
			}
			if b.server.Commands().EnterPatiently(b.reading, b.who) != nil {
				return number, web.Refuse(web.ShuttingDown)
			}
			s := b.add(running, number, true)
			if s == nil {
				b.server.Commands().LeavePatiently(b.who)
				return number, nil
			}
			if tooLong {
				s.refuse(web.Refuse(web.BodyTooLarge))
			} else {
				b.start(running, s, text)
			}
		}
		if ended {
			return number, nil
		}
	}
}

// identifyAgain returns why the caller may send no more lines. A request may last for hours, and
// the caller's key may be revoked, or end, within it.
func (b *bulkRequest) identifyAgain() *web.Problem {
	if time.Since(b.identified) < identifyEvery {
		return nil
	}
	principal, err := b.identify()
	if err != nil {
		return problemOf(err)
	}
	b.principal, b.identified = principal, time.Now()
	return nil
}

// mayContinue waits until the next line may be read. It returns why it may not: the server drains,
// or too many results are unread and the caller reads none.
func (b *bulkRequest) mayContinue(running context.Context) *web.Problem {
	var since time.Time
	last := -1
	for b.reading.Err() == nil {
		ok, taken := b.results.Room()
		switch {
		case ok:
			return nil
		case taken != last:
			since, last = time.Now(), taken
		case time.Since(since) > bulkUnread:
			return web.Refuse(AnswersNotTaken)
		}
		_ = backoff.Sleep(running, bulkQuiet) // when running ends, reading ends
	}
	return web.Refuse(web.ShuttingDown)
}

// add returns the slot of a line, which has entered the gate or not; nil when running ends first.
func (b *bulkRequest) add(running context.Context, number int, entered bool) *slot {
	s, ok := &slot{request: b, number: number, entered: entered}, false
	if s.n, ok = b.window.Add(running, s); !ok {
		return nil
	}
	return s
}
