package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"passbook/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait in these tests.
const patience = 20 * time.Second

// configured makes a server with what the test does not configure.
func configured(t *testing.T, c Config) *Server {
	t.Helper()
	c.Service, c.Registry = "test", prometheus.NewRegistry()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Timeout = patience
	return New(c)
}

// waiting waits until a channel is closed, or the test ends.
func waiting(t *testing.T, c <-chan struct{}) {
	select {
	case <-c:
	case <-time.After(patience):
		t.Error("waited too long")
	}
}

// ask sends one request to the handler. The header "host" is the request's host.
func ask(s *Server, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, r)
	return recorder
}

func between(text, start, end string) string {
	_, text, _ = strings.Cut(text, start)
	text, _, _ = strings.Cut(text, end)
	return text
}

func TestRequestIDsOfCallersAreTakenIfTheyAreSafe(t *testing.T) {
	var seen string
	s := configured(t, Config{})
	s.Mount(Route{Method: http.MethodGet, Path: "/id", Open: true, Handler: func(c echo.Context) error {
		seen = telemetry.Correlation(c.Request().Context())
		Reply(c, 200, []byte(`{}`))
		return nil
	}})
	for _, good := range []string{"caller-1", "a", "Root=1-5759e988"[5:], "AZaz09._:-", strings.Repeat("x", 64)} {
		if r := ask(s, "GET", "/id", "", "X-Request-ID", good); r.Header().Get("X-Request-ID") != good || seen != good {
			t.Errorf("%v %s", r.Header(), seen)
		}
	}
	for _, bad := range [][]string{nil, {"X-Request-ID", "two words"}, {"X-Request-ID", strings.Repeat("x", 65)}, {"X-Request-ID", "a", "X-Request-ID", "b"}, {"X-Request-ID", "é"}, {"X-Request-ID", "<script>alert(1)</script>"}, {"X-Request-ID", "a/b"}, {"X-Request-ID", ""}} {
		r := ask(s, "GET", "/id", "", bad...)
		if id := r.Header().Get("X-Request-ID"); len(id) != 36 || id[14] != '7' || id != seen {
			t.Errorf("%q: %s", bad, id)
		}
	}
}

func TestPanicsAreInternalErrorsAndLogged(t *testing.T) {
	var log bytes.Buffer
	s := configured(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s.Mount(Route{Method: http.MethodGet, Path: "/panic", Open: true, Handler: func(echo.Context) error { panic("SECRET") }})
	s.Mount(Route{Method: http.MethodGet, Path: "/error", Open: true, Handler: func(echo.Context) error { return errors.New("SECRET") }})
	for _, path := range []string{"/panic", "/error"} {
		log.Reset()
		r := ask(s, "GET", path, "")
		if r.Code != 500 || strings.Contains(r.Body.String(), "SECRET") || !strings.Contains(r.Body.String(), "internal-error") {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
		if !strings.Contains(log.String(), "SECRET") {
			t.Errorf("%s: the log says %s", path, log.String())
		}
	}
}

func TestRequestsBeyondThePlacesAreRefused(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := configured(t, Config{MaxInFlight: 1})
	s.Mount(Route{Method: http.MethodGet, Path: "/slow", Open: true, Handler: func(c echo.Context) error {
		close(entered)
		waiting(t, release)
		Reply(c, 200, []byte(`{}`))
		return nil
	}})
	s.Mount(Route{Method: http.MethodGet, Path: "/other", Open: true, Handler: func(c echo.Context) error { return ReplyJSON(c, 200, 1) }})
	done := make(chan int)
	go func() { done <- ask(s, "GET", "/slow", "").Code }()
	waiting(t, entered)
	r := ask(s, "GET", "/other", "")
	if r.Code != 503 || between(r.Body.String(), "/problems/", `"`) != Overloaded.Code || r.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if r := ask(s, "GET", "/readyz", ""); r.Code != 200 {
		t.Errorf("a probe: %d", r.Code)
	}
	if r := ask(s, "POST", "/livez", ""); r.Code != 405 {
		t.Errorf("a probe by a method that it does not have: %d", r.Code)
	}
	close(release)
	if code := <-done; code != 200 {
		t.Errorf("the slow one: %d", code)
	}
	if r := ask(s, "GET", "/other", ""); r.Code != 200 {
		t.Errorf("afterwards: %d", r.Code)
	}
}

// A request in progress when the server stops gets its answer; the listener is closed afterwards.
func TestDrainAnswersRequestsInProgress(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := configured(t, Config{DrainTimeout: patience})
	s.Mount(Route{Method: http.MethodGet, Path: "/slow", Open: true, Handler: func(c echo.Context) error {
		close(entered)
		waiting(t, release)
		Reply(c, 200, []byte(`{"done":true}`))
		return nil
	}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served, answered := make(chan error, 1), make(chan string, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		answer, err := client.Get("http://" + listener.Addr().String() + "/slow")
		if err != nil {
			answered <- err.Error()
			return
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		answered <- string(body)
	}()
	waiting(t, entered)
	stop()
	waiting(t, s.Draining().Done())
	close(release)
	if got := <-answered; got != `{"done":true}` {
		t.Errorf("%s", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := client.Get("http://" + listener.Addr().String() + "/livez"); err == nil {
		t.Error("it still listens")
	}
}

func TestDrainThatTakesTooLongCutsOff(t *testing.T) {
	entered := make(chan struct{})
	s := configured(t, Config{DrainTimeout: time.Millisecond})
	s.Mount(Route{Method: http.MethodGet, Path: "/stuck", Open: true, Handler: func(c echo.Context) error {
		close(entered)
		waiting(t, c.Request().Context().Done())
		return nil
	}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served, cut := make(chan error, 1), make(chan struct{})
	go func() { served <- s.Serve(ctx, listener) }()
	go func() {
		defer close(cut)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if answer, err := client.Get("http://" + listener.Addr().String() + "/stuck"); err == nil {
			_ = answer.Body.Close()
		}
	}()
	waiting(t, entered)
	stop()
	if err := <-served; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	waiting(t, cut)
}

func TestRunReportsWhyItCannotListen(t *testing.T) {
	if err := configured(t, Config{}).Run(t.Context(), "127.0.0.1:99999"); err == nil {
		t.Fatal("it listens")
	}
}

// The log line of a refusal has its code, and every answer forbids browsers to guess its media
// type.
func TestRefusalsAreLoggedByCode(t *testing.T) {
	var log bytes.Buffer
	s := configured(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := ask(s, "GET", "/nothing", "")
	if !strings.Contains(log.String(), "status=404") || !strings.Contains(log.String(), "code=route-not-found") {
		t.Errorf("%s", log.String())
	}
	ok := ask(s, "GET", "/livez", "")
	if r.Header().Get("X-Content-Type-Options") != "nosniff" || ok.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v %v", r.Header(), ok.Header())
	}
}

// crowded is a listener whose process has no file descriptor left.
type crowded struct {
	net.Listener
	once   sync.Once
	failed chan struct{}
}

func (l *crowded) Accept() (net.Conn, error) {
	fresh := false
	l.once.Do(func() { fresh = true })
	if fresh {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	close(l.failed)
	return l.Listener.Accept()
}

// A warning says that connections cannot be accepted: the clients only hang.
func TestAcceptErrorsAreWarnings(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := configured(t, Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	l := &crowded{Listener: listener, failed: make(chan struct{})}
	go func() { ended <- s.Serve(ctx, l) }()
	<-l.failed
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "too many open files") {
		t.Errorf("logged %q", log.String())
	}
}

func TestMountPanicsOnARouteThatIsMountedAlready(t *testing.T) {
	s := configured(t, Config{})
	defer func() {
		if recover() == nil {
			t.Error("mounted twice")
		}
	}()
	s.Mount(Route{Method: http.MethodGet, Path: "/livez", Open: true, Handler: func(echo.Context) error { return nil }})
}
