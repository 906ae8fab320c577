package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/telemetry"
	"passbook/shared/telemetry/accesslog"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web/requestid"
)

// Header values that all answers share. net/http reads them and never writes to them.
var (
	noStore     = []string{"no-store"}
	noSniff     = []string{"nosniff"}
	contentJSON = []string{MediaJSON}
	contentProb = []string{"application/problem+json"}
	// strictTransport lasts for a year.
	strictTransport = []string{"max-age=31536000"}
)

// edge wraps every request: an id, a principal, a place, a deadline, and afterwards a metric and a
// line in the log. It is one function and not a chain of middleware because commands come through
// here ten thousand times a second.
func (s *Server) edge(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		r := c.Request()
		header := c.Response().Header()
		header["Cache-Control"] = noStore
		s.askToReconnect(header)
		if len(r.TransferEncoding) > 0 { // with a Content-Length too, maybe: nothing after it can be trusted
			header["Connection"] = closing
		}
		header["X-Content-Type-Options"] = noSniff
		if s.config.TLS != nil {
			header["Strict-Transport-Security"] = strictTransport
		}
		route, kind := s.route(c)
		principal, err := s.identify(r, route)
		id := requestid.Of(r.Header)
		ctx := &requestContext{id: [1]string{id}, correlation: id, principal: principal, span: s.config.Tracer.Request(r.Context(), r.Header, start)}
		defer ctx.End()
		header["X-Request-Id"] = ctx.id[:]
		// Most requests of an overload end here, so it costs as little as possible.
		if err == nil {
			err = s.limit(r, header, route, kind, principal)
		}
		ctx.Begin(r.Context(), s.deadline(kind, r, start))
		c.SetRequest(r.WithContext(ctx))
		if err != nil {
			s.refuseUnread(c, err)
		} else if err := s.admit(c, kind, next); err != nil {
			s.fail(err, c)
		}
		s.observe(ctx, c, start)
		return nil
	}
}

// deadline returns until when a request that began at a time may take; the zero time for a stream,
// whose parts have a deadline each.
func (s *Server) deadline(kind Kind, r *http.Request, began time.Time) time.Time {
	if kind == Stream {
		return time.Time{}
	}
	limit := s.config.Timeout
	if isRead(r.Method) && r.URL.RawQuery != "" {
		limit += queryWait(r.URL.RawQuery)
	}
	return began.Add(limit)
}

// recovered turns a panic into an internal error. Its value and stack are logged, not answered.
func (s *Server) recovered(c echo.Context, fault any) error {
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault)
	}
	s.config.Logger.ErrorContext(c.Request().Context(), "a handler panicked", "route", c.Path(), "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
	return Refuse(InternalError)
}

// fail answers an error with its problem document. It is the only place that writes one for a
// single request.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	problem := s.config.ProblemOf(c.Request(), err)
	c.Set(codeKey, problem.Code)
	// An overload is counted, not logged with its cause: it may be ten thousand a second.
	if problem.Status >= http.StatusInternalServerError && problem.Code != Overloaded.Code || problem.Status == http.StatusUnauthorized {
		c.Set(causeKey, err)
	}
	header := c.Response().Header()
	if text := challenge(problem); text != "" {
		header.Set("WWW-Authenticate", text)
	}
	if problem.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(problem.RetryAfter))
	}
	if problem.Replayed {
		header.Set(HeaderReplayed, "true")
	}
	if problem.AccountVersion > 0 {
		SetVersion(c, problem.AccountVersion)
	}
	ReplyProblem(c, problem.Status, problem.Append(nil, telemetry.Correlation(c.Request().Context())))
}

// The keys under which fail leaves, for the log, the code of a refusal and the cause of a server
// error.
const (
	codeKey  = "code"
	causeKey = "cause"
)

// write sends an answer. A failed write means that the caller is gone, so there is nobody to report
// it to.
func write(c echo.Context, status int, contentType []string, body []byte) {
	w := c.Response()
	header := w.Header()
	if status == http.StatusOK && NotModified(c) {
		return
	}
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if c.Request().Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// NotModified answers 304 to a read whose caller has what the answer's ETag names, and says so.
func NotModified(c echo.Context) bool {
	has := isRead(c.Request().Method) && hasTag(c.Request().Header["If-None-Match"], c.Response().Header()["Etag"])
	if has {
		c.Response().WriteHeader(http.StatusNotModified)
	}
	return has
}

// Reply answers with JSON.
func Reply(c echo.Context, status int, body []byte) { write(c, status, contentJSON, body) }

// ReplyAs answers with a body of another media type.
func ReplyAs(c echo.Context, status int, mediaType string, body []byte) {
	write(c, status, []string{mediaType}, body)
}

// ReplyJSON answers with a value's JSON, whose strings are not escaped for HTML.
func ReplyJSON(c echo.Context, status int, answer any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("encode the answer of %s: %w", c.Path(), err)
	}
	Reply(c, status, bytes.TrimSuffix(body.Bytes(), []byte{'\n'}))
	return nil
}

// ReplyProblem answers with a problem document.
func ReplyProblem(c echo.Context, status int, body []byte) { write(c, status, contentProb, body) }

// SetVersion sets the answer's ETag to the account's version.
func SetVersion(c echo.Context, version int64) {
	c.Response().Header()["Etag"] = []string{`"` + strconv.FormatInt(version, 10) + `"`}
}

// observe measures the request and logs it.
func (s *Server) observe(ctx context.Context, c echo.Context, start time.Time) {
	took := time.Since(start)
	route, ok := s.templates[c.Path()]
	if !ok {
		route = "none"
	}
	method, status := methodLabel(c.Request().Method), c.Response().Status
	s.latency.WithLabelValues(route, method, statusLabel(status)).Observe(took.Seconds())
	code, _ := c.Get(codeKey).(string)
	cause, _ := c.Get(causeKey).(error)
	s.log.Request(ctx, accesslog.Line{Method: method, Route: route, Status: status, Bytes: c.Response().Size, Took: took, Code: code, Cause: cause})
	trace.From(ctx).End(trace.Answered{Method: method, Route: route, Status: status, Code: code, CorrelationID: telemetry.Correlation(ctx)})
}

// methodLabel returns the method as a label, "other" for one that a caller made up.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodOptions, http.MethodPatch:
		return method
	}
	return "other"
}

// statusLabel returns the status as a label, without an allocation for the usual ones.
func statusLabel(status int) string {
	switch status {
	case http.StatusOK:
		return "200"
	case http.StatusCreated:
		return "201"
	case http.StatusUnprocessableEntity:
		return "422"
	}
	return strconv.Itoa(status)
}
