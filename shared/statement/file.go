package statement

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/admission"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

const (
	// maxFiles is the most files that are sent at once.
	maxFiles = 64
	// readMost bounds a read of the journal for a file, and writeMost the writing of a piece of it.
	readMost, writeMost = 10 * time.Second, 30 * time.Second
	// pieceBytes is how much is written at once.
	pieceBytes = 32 << 10
	// readLines is how many lines are read at once.
	readLines = 500
)

// Config configures Statements. All members are required.
type Config struct {
	Journal  *journal.Reader
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Statements answers statements. Safe for concurrent use.
type Statements struct {
	journal *journal.Reader
	log     *slog.Logger
	gate    *admission.Gate
}

// New makes Statements.
func New(c Config) *Statements {
	s := &Statements{journal: c.Journal, log: c.Log, gate: admission.NewFixedGate(maxFiles)}
	web.CountShed(c.Registry, "statement_files", func() int64 { return s.gate.State().Shed })
	return s
}

// Routes returns the routes of statements.
func (s *Statements) Routes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: Path, Scopes: access.AccountsRead, Handler: s.page},
		{Method: http.MethodGet, Path: Path + "/file", Kind: web.Stream, Scopes: access.AccountsRead, Handler: s.file},
	}
}

// file answers a statement as a file. Once its header is sent, what fails breaks the connection, so
// that no part is taken for all.
func (s *Statements) file(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	asked, name := takePeriod(q), q.OneOf("format", formatNames...)
	if name == "" {
		q.Missing("format")
	}
	if err := q.Problem(); err != nil {
		return err
	}
	return s.gate.Through(web.CallerOf(c.Request().Context()), func() error {
		h, p, err := s.heading(c.Request().Context(), of, asked)
		if err != nil {
			return err
		}
		format := formats[name]
		web.SetVersion(c, p.closing)
		if web.NotModified(c) {
			return nil
		}
		header := c.Response().Header()
		header.Set("Content-Type", format.media)
		for name, value := range format.header {
			header.Set(name, value)
		}
		header.Set("Content-Disposition", format.disposition+`; filename="statement-`+of.ID+"."+format.extension+`"`)
		if c.Request().Method == http.MethodHead {
			c.Response().WriteHeader(http.StatusOK)
			return nil
		}
		return s.send(c, of, h, p, format)
	})
}

// heading reads what a file has besides its lines.
func (s *Statements) heading(ctx context.Context, of event.Account, a asked) (h heading, p period, err error) {
	ctx, cancel := context.WithTimeout(ctx, readMost)
	defer cancel()
	head, err := api.ExistingHead(ctx, s.journal, of)
	if err != nil {
		return h, p, err
	}
	if p, err = a.find(ctx, s.journal, of, head.State.Version); err != nil {
		return h, p, err
	}
	h = heading{Account: of, Currency: head.State.Currency, From: a.from, To: a.to}
	var opened, made time.Time
	if h.Opening, opened, err = posted(ctx, s.journal, of, p.opening); err != nil {
		return h, p, err
	}
	if h.Closing, made, err = posted(ctx, s.journal, of, p.closing); err != nil {
		return h, p, err
	}
	if h.From.IsZero() { // from the first event on, or from after the version before
		if h.From = opened; p.opening == 0 {
			if _, h.From, err = posted(ctx, s.journal, of, 1); err != nil {
				return h, p, err
			}
		}
	}
	if h.To.IsZero() {
		h.To = made
	}
	if h.To.Before(h.From) { // from is after the newest event
		h.To = h.From
	}
	if h.Made = made; made.IsZero() { // the period ends before the account was opened
		h.Made = h.To
	}
	return h, p, nil
}

// send writes a file as it reads the lines.
func (s *Statements) send(c echo.Context, of event.Account, h heading, p period, format format) error {
	ctx := c.Request().Context()
	control := http.NewResponseController(c.Response())
	out := bufio.NewWriterSize(pieces{c.Response(), control}, pieceBytes)
	err := s.write(ctx, format.open(out), of, h, p)
	if err == nil {
		err = out.Flush()
	}
	switch {
	case err == nil:
		return nil
	case !c.Response().Committed:
		return err
	case ctx.Err() == nil && !errors.Is(err, errGone):
		s.log.WarnContext(ctx, "a statement broke off, and its reader repeats the request", "error", err)
	}
	panic(http.ErrAbortHandler)
}

// write writes the lines of a period, which must lead from its opening to its closing balance.
func (s *Statements) write(ctx context.Context, to writer, of event.Account, h heading, p period) error {
	if err := to.begin(h); err != nil {
		return err
	}
	at := h.Opening.Posted
	for next := p.next; next > 0 && next <= p.closing; {
		page, then, err := s.read(ctx, of, next, p.closing)
		if err != nil {
			return err
		}
		for _, r := range page {
			l := lineOf(of, r)
			if at += l.Amount; at != l.Posted {
				return fmt.Errorf("the statement of %s does not add up: version %d has the balance %d, and the lines before it make %d", of, l.Version, l.Posted, at)
			}
			if err := to.line(l); err != nil {
				return err
			}
		}
		next = then
	}
	if at != h.Closing.Posted {
		return fmt.Errorf("the statement of %s does not add up: it closes with %d, and its lines make %d", of, h.Closing.Posted, at)
	}
	return to.end()
}

// read reads the next lines.
func (s *Statements) read(ctx context.Context, of event.Account, from, to int64) ([]api.Recorded, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, readMost)
	defer cancel()
	return api.History(ctx, s.journal, of, from, to, readLines, moves)
}

// errGone says that the reader of a file is gone, or takes it too slowly.
var errGone = errors.New("the reader is gone")

// pieces writes pieces of an answer, each within a time.
type pieces struct {
	io.Writer
	control *http.ResponseController
}

// Write implements io.Writer.
func (p pieces) Write(piece []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeMost)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, fmt.Errorf("%w: %w", errGone, err)
	}
	n, err := p.Writer.Write(piece)
	if err != nil {
		err = fmt.Errorf("%w: %w", errGone, err)
	}
	return n, err
}
