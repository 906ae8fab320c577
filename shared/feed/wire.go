package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/api"
	"passbook/shared/api/eventview"
	"passbook/shared/event"
	"passbook/shared/feed/tip"
	"passbook/shared/web"
)

const (
	// pieceBytes is about how much is written at once.
	pieceBytes = 16 << 10
	// slowAfter is how long a reader may take for a piece, before it is told that it is too slow.
	slowAfter = 30 * time.Second
	// goneAfter is how long a reader may take nothing, before the connection is closed.
	goneAfter = 2 * time.Minute
	// retryAfter is how long a reader is asked to wait before it connects again.
	retryAfter = time.Second
)

// errSlow means that the reader took too long for what was written.
var errSlow = errors.New("feed: the reader is too slow")

// errGone means that the reader is gone, or takes nothing.
var errGone = errors.New("feed: the reader is gone")

// heartbeat is sent when there is no event for a while.
type heartbeat struct {
	// At is the server's time.
	At api.Time `json:"heartbeat"`
	// Source is where the newest records come from, on a stream that does not report arrivals.
	Source tip.Source `json:"source,omitempty"`
}

// bye is the last that is sent.
type bye struct {
	Reason reason `json:"bye"`
	Detail string `json:"detail"`
}

// wire writes a feed in one of its two forms. The last item that was written is kept open, so that
// it can get a cursor.
type wire struct {
	c       echo.Context
	control *http.ResponseController
	lines   bool
	buffer  bytes.Buffer
	open    bool
	// full says that enough was collected to be written.
	full bool
}

func newWire(c echo.Context, lines bool) *wire {
	return &wire{c: c, control: http.NewResponseController(c.Response()), lines: lines}
}

// header sends the answer's header. net/http's deadlines of a request end here.
func (w *wire) header() error {
	for _, set := range []func(time.Time) error{w.control.SetReadDeadline, w.control.SetWriteDeadline} {
		if err := set(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("feed: clear the deadline of a connection: %w", err)
		}
	}
	header := w.c.Response().Header()
	header.Set("Content-Type", MediaEvents)
	if w.lines {
		header.Set("Content-Type", MediaLines)
	}
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no") // proxies that know it pass everything on at once
	w.c.Response().WriteHeader(http.StatusOK)
	if w.lines || w.c.Request().Method == http.MethodHead {
		return nil
	}
	fmt.Fprintf(&w.buffer, "retry: %d\n\n", retryAfter.Milliseconds())
	return nil
}

// item adds an item to what is written next. name is the type of an SSE event, empty for message.
func (w *wire) item(name string, value any) error {
	w.close("")
	if !w.lines {
		if name != "" {
			w.buffer.WriteString("event: " + name + "\n")
		}
		w.buffer.WriteString("data: ")
	}
	encoder := json.NewEncoder(&w.buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("feed: encode: %w", err)
	}
	if w.lines {
		w.buffer.Truncate(w.buffer.Len() - len("}\n"))
	}
	w.open = true
	return nil
}

// close ends the open item, with a cursor if there is one.
func (w *wire) close(cursor string) {
	if !w.open {
		return
	}
	w.open = false
	switch {
	case w.lines && cursor != "":
		w.buffer.WriteString(`,"cursor":"` + cursor + "\"}\n")
	case w.lines:
		w.buffer.WriteString("}\n")
	case cursor != "":
		w.buffer.WriteString("id: " + cursor + "\n\n")
	default:
		w.buffer.WriteString("\n")
	}
}

// event adds an event. What exceeds a piece is written without a cursor.
func (w *wire) event(e *event.Entry, ev event.Event) error {
	if w.buffer.Len() >= 2*pieceBytes {
		if err := w.flush(""); err != nil {
			return err
		}
	}
	err := w.item("", eventview.OfAccount(e, ev))
	w.full = w.buffer.Len() >= pieceBytes
	return err
}

// flush ends the open item with a cursor and writes what was collected.
func (w *wire) flush(cursor string) error {
	w.close(cursor)
	defer w.buffer.Reset()
	w.full = false
	for rest := w.buffer.Bytes(); len(rest) > 0; {
		n := min(len(rest), pieceBytes)
		if err := w.write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// write writes a piece. A reader that takes it late is told so with the next one, which it then
// reads: nothing is lost by that, as it resumes.
func (w *wire) write(piece []byte) error {
	began := time.Now()
	if err := w.control.SetWriteDeadline(began.Add(goneAfter)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	_, err := w.c.Response().Write(piece)
	if err == nil {
		if err = w.control.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if time.Since(began) > slowAfter {
		return errSlow
	}
	return nil
}

// heartbeat writes a heartbeat with a cursor.
func (w *wire) heartbeat(now time.Time, source tip.Source, cursor string) error {
	if err := w.item("heartbeat", heartbeat{api.Time{Time: now}, source}); err != nil {
		return err
	}
	return w.flush(cursor)
}

// reason is why the server ended a feed.
type reason string

// The reasons. gone is told to nobody.
const (
	gone         reason = "reader-gone"
	tooSlow      reason = "reader-too-slow"
	shuttingDown reason = "shutting-down"
	refused      reason = "access-refused"
	noHistory    reason = "feed-history-missing"
	busy         reason = "overloaded"
	moved        reason = "served-elsewhere"
	failed       reason = "internal-error"
	complete     reason = "complete"
)

var reasons = []reason{gone, tooSlow, shuttingDown, refused, noHistory, busy, moved, failed, complete}

// advice says of each reason what to do.
var advice = map[reason]string{
	tooSlow:      "A piece of 16 KB was not read within 30 s, or a batch of earlier events within a minute while other feeds waited for its memory. Connect again with the last cursor, and read faster or with a filter.",
	shuttingDown: "The process is stopping. Connect again with the last cursor.",
	refused:      "The key or token may not read the feed any more. Connect with another one, with the last cursor.",
	noHistory:    api.FeedHistoryMissing.Detail,
	moved:        "Another process of the fleet serves the feeds now. Connect again with the last cursor until that process gets the request.",
	busy:         "Too many feeds read the archive, or newest events that readers have not taken yet fill the memory for them. Connect again later with the last cursor.",
	complete:     "Everything up to the time of the request was sent. Connect again with the last cursor for what comes later.",
	failed:       "The server failed; the cause is in its log, under the correlation id. Connect again with the last cursor.",
}

// bye writes why the feed ends. The caller is gone if that fails, so there is nobody to report it
// to.
func (w *wire) bye(why reason) {
	if w.item("bye", bye{why, advice[why]}) == nil {
		_ = w.flush("")
	}
}

// reasonOf returns why a feed ended.
func reasonOf(ctx context.Context, err error) reason {
	_, isRefusal := web.AsProblem(err)
	var elsewhere *tip.ElsewhereError
	switch {
	case errors.Is(err, errGone) || ctx.Err() != nil:
		return gone
	case errors.Is(err, errComplete):
		return complete
	case errors.As(err, &elsewhere):
		return moved
	case errors.Is(err, errBusy):
		return busy
	case errors.Is(err, errSlow):
		return tooSlow
	case errors.Is(err, errDraining):
		return shuttingDown
	case errors.Is(err, errHistory):
		return noHistory
	case errors.Is(err, errIdentify) || isRefusal:
		return refused
	}
	return failed
}
