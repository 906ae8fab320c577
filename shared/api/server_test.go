package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"passbook/shared/journal"
	"passbook/shared/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newServer makes a server of operations.
func newServer(t *testing.T, operations ...Operation) *Server {
	t.Helper()
	return configured(t, Config{}, operations...)
}

func configured(t *testing.T, c Config, operations ...Operation) *Server {
	t.Helper()
	c.Web.Service, c.Web.Registry = cmp.Or(c.Web.Service, "test"), prometheus.NewRegistry()
	if c.Web.Logger == nil {
		c.Web.Logger = slog.New(slog.DiscardHandler)
	}
	c.Web.Timeout = cmp.Or(c.Web.Timeout, patience)
	s := New(c)
	s.Operations(operations...)
	return s
}

// ask sends one request to the handler.
func ask(s *Server, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, r)
	return recorder
}

func TestRouterAnswersWithProblems(t *testing.T) {
	s := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) { return receipt(to), nil }))
	for request, want := range map[string]string{
		"GET /CANARY":         "404 route-not-found",
		"GET /":               "404 route-not-found",
		"POST /livez":         "405 method-not-allowed",
		"GET /test/credit":    "405 method-not-allowed",
		"DELETE /test/credit": "405 method-not-allowed",
		"GET /test/credit/":   "404 route-not-found",
		"CANARY /test/credit": "405 method-not-allowed",
	} {
		method, path, _ := strings.Cut(request, " ")
		r := ask(s, method, path, "")
		got := fmt.Sprint(r.Code, " ", between(r.Body.String(), `"type":"/problems/`, `"`))
		if got != want || r.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(r.Body.String(), "CANARY") {
			t.Errorf("%s: %s, not %s: %s", request, got, want, r.Body)
		}
		if r.Code == 405 && r.Header().Get("Allow") == "" {
			t.Errorf("%s: no Allow", request)
		}
	}
}

func between(text, start, end string) string {
	_, text, _ = strings.Cut(text, start)
	text, _, _ = strings.Cut(text, end)
	return text
}

func TestRequestsHaveDeadlines(t *testing.T) {
	until := func(run func(ctx context.Context) error) Operation {
		return doing("credit", func(ctx context.Context, _ journal.Command) (journal.Receipt, error) {
			return journal.Receipt{}, run(ctx)
		})
	}
	s := configured(t, Config{Web: web.Config{Timeout: time.Millisecond}}, until(func(ctx context.Context) error {
		waiting(t, ctx.Done())
		return ctx.Err()
	}))
	r := ask(s, "POST", "/test/credit", `{"account_id":"A"}`, "Idempotency-Key", "k", "Content-Type", "application/json")
	if r.Code != 504 || between(r.Body.String(), "/problems/", `"`) != OutcomeUnknown.Code {
		t.Errorf("a command: %d %s", r.Code, r.Body)
	}
	var left time.Duration
	s.Mount(web.Route{Method: http.MethodGet, Path: "/read", Open: true, Handler: func(c echo.Context) error {
		deadline, _ := c.Request().Context().Deadline()
		left = time.Until(deadline)
		waiting(t, c.Request().Context().Done())
		return Unavailable(c.Request().Context().Err())
	}})
	if r := ask(s, "GET", "/read?wait=5ms", ""); r.Code != 503 || left <= 0 || left > 6*time.Millisecond {
		t.Errorf("a read: %d, %v left", r.Code, left)
	}
}

func TestReadyzRunsTheChecks(t *testing.T) {
	failing := errors.New("no answer")
	var fails error
	s := configured(t, Config{Web: web.Config{Checks: []web.Check{
		{Name: "journal", Ready: func(context.Context) error { return nil }},
		{Name: "balance", Problem: ProjectionBehind, Ready: func(context.Context) error { return fails }},
		{Name: "archive", Advisory: true, Ready: func(context.Context) error { return failing }},
	}}})
	if r := ask(s, "GET", "/readyz", ""); r.Code != 200 || r.Body.String() != `{"status":"ready"}` {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if r := ask(s, "GET", "/readyz?verbose", ""); r.Body.String() != `{"status":"ready","checks":[{"name":"journal","ready":true},{"name":"balance","ready":true},{"name":"archive","ready":false,"cause":"no answer"},{"name":"requests","ready":true},{"name":"connections","ready":true}]}` {
		t.Errorf("%s", r.Body)
	}
	fails = failing
	if r := ask(s, "GET", "/readyz", ""); r.Code != 503 || !strings.Contains(r.Body.String(), ProjectionBehind.Code) || strings.Contains(r.Body.String(), "no answer") {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if r := ask(s, "GET", "/readyz?verbose", ""); r.Code != 503 || !strings.Contains(r.Body.String(), `{"name":"balance","ready":false,"cause":"no answer"}`) {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if r := ask(s, "GET", "/livez", ""); r.Code != 200 {
		t.Errorf("livez looks at nothing: %d", r.Code)
	}
	fails = nil
	s.Drain()
	if r := ask(s, "GET", "/readyz", ""); r.Code != 503 || !strings.Contains(r.Body.String(), web.ShuttingDown.Code) {
		t.Errorf("draining: %d %s", r.Code, r.Body)
	}
}

func TestMetricsAndLogContainNothingPersonal(t *testing.T) {
	var log bytes.Buffer
	s := configured(t, Config{Web: web.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))}}, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		return receipt(to), nil
	}))
	s.Mount(web.Route{Method: http.MethodGet, Path: "/v1/things/{thing_id}", Open: true, Handler: func(c echo.Context) error { web.Reply(c, 200, []byte(`{}`)); return nil }})
	ask(s, "POST", "/test/credit", `{"account_id":"CANARY-1"}`, "Idempotency-Key", "CANARY-2", "Content-Type", "application/json", "Authorization", "CANARY-3")
	ask(s, "GET", "/v1/things/CANARY-4?x=CANARY-5", "")
	ask(s, "CANARY", "/CANARY-6", "")
	metrics := ask(s, "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`passbook_http_request_duration_seconds_count{method="POST",route="/test/credit",status="201"} 1`,
		`passbook_http_request_duration_seconds_count{method="GET",route="/v1/things/{thing_id}",status="200"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(metrics, "CANARY") || strings.Contains(log.String(), "CANARY") {
		t.Errorf("%s", log.String())
	}
	if strings.Count(log.String(), `"msg":"request"`) != 4 {
		t.Errorf("%s", log.String())
	}
}

func TestContractListsWhatIsServed(t *testing.T) {
	s := New(Config{Web: web.Config{Service: "test", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	s.Mount(web.Route{Method: http.MethodGet, Path: "/v1/accounts/{account_id}/balance", Open: true, Handler: func(echo.Context) error { return nil }})
	body := ask(s, "GET", "/openapi.json", "").Body.String()
	if !strings.Contains(body, `"/v1/accounts/{account_id}/balance":{"get"`) || strings.Contains(body, "/v1/transfers") || !strings.Contains(body, `"/livez"`) {
		t.Fatalf("%.300s", body)
	}
	if strings.Contains(body, ":null") { // as from a comma in a text without quotes
		t.Error("the contract has a member without a value")
	}
}

// A body without a length is refused when it is too large.
func TestBodyWithoutALengthIsBounded(t *testing.T) {
	s := newServer(t, doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) { return receipt(to), nil }))
	for size, want := range map[int]int{10: 201, web.MaxBodyBytes - 20: 201, web.MaxBodyBytes + 1: 413, 4 * web.MaxBodyBytes: 413} {
		body := `{"account_id":"A"}` + strings.Repeat(" ", size)
		r := httptest.NewRequest(http.MethodPost, "/test/credit", io.MultiReader(strings.NewReader(body)))
		r.ContentLength = -1
		r.Header.Set("Idempotency-Key", "k")
		r.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		s.Handler().ServeHTTP(recorder, r)
		if recorder.Code != want {
			t.Errorf("%d bytes: %d", size, recorder.Code)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/test/credit", io.MultiReader(strings.NewReader(`{"acc`), failingReader{}))
	r.ContentLength = -1
	r.Header.Set("Idempotency-Key", "k")
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, r)
	if recorder.Code != 408 || between(recorder.Body.String(), "/problems/", `"`) != web.RequestIncomplete.Code {
		t.Errorf("a body that breaks off: %d", recorder.Code)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func BenchmarkCommandThroughTheEdge(b *testing.B) {
	s := New(Config{Web: web.Config{Service: "bench", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	var committed journal.Receipt
	s.Operations(doing("credit", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		if committed.Entry == nil {
			committed = receipt(to)
		}
		return committed, nil
	}))
	body := []byte(`{"account_id":"A-1"}`)
	reader := bytes.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, "/test/credit", io.NopCloser(reader))
	r.ContentLength = int64(len(body))
	r.Header.Set("Idempotency-Key", "k")
	r.Header.Set("Content-Type", "application/json")
	w := discardWriter{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		clear(w.header)
		s.Handler().ServeHTTP(&w, r)
		if w.status != 201 {
			b.Fatal(w.status)
		}
	}
}

type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(status int)      { w.status = status }
