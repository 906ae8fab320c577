package api

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"passbook/shared/web"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/labstack/echo/v4"
)

// A service that is one of several names the one that serves a route, or a method, that it does not
// serve.
func TestRoutesOfOthersAreNamed(t *testing.T) {
	for _, c := range []struct{ service, method, path, names string }{
		{"withdraw", "POST", "/v1/accounts", "credit"}, {"withdraw", "GET", "/v1/accounts/A-1/balance", "balance"},
		{"withdraw", "PUT", "/v1/accounts/A-1/credit-limit", "credit"}, {"withdraw", "GET", "/v1/accounts/A-1/credit-limit", "creditlimit"},
		{"archiver", "POST", "/withdraw", "withdraw"}, {"credit", "GET", "/v1/accounts", "balance"},
		{"credit", "POST", "/v1/transfers", "withdraw"}, {"credit", "GET", "/v1/accounts/", ""}, {"credit", "GET", "/v1/account/A-1/balance", ""},
		{"credit", "DELETE", "/v1/accounts", ""}, {"credit", "POST", "/ops/jobs", ""}, {"withdraw", "GET", "/v1/consumers", ""},
	} {
		s := configured(t, Config{Web: web.Config{Service: c.service}, Alone: true})
		if c.service == "credit" {
			s.Mount(web.Route{Method: http.MethodPost, Path: "/v1/accounts", Handler: func(echo.Context) error { return nil }})
		}
		r := ask(s, c.method, c.path, "")
		if got := between(r.Body.String(), `"service":"`, `"`); got != c.names || r.Code != 404 && r.Code != 405 {
			t.Errorf("%s: %s %s: %d, names %q, not %q", c.service, c.method, c.path, r.Code, got, c.names)
		}
	}
	if r := ask(configured(t, Config{Web: web.Config{Service: "bank"}}), "POST", "/v1/accounts", ""); strings.Contains(r.Body.String(), `"service"`) {
		t.Errorf("all in one process: %s", r.Body)
	}
}

// The log line of a refusal has its code, and every answer forbids browsers to guess its media
// type.
func TestRefusalsAreLoggedByCode(t *testing.T) {
	var log bytes.Buffer
	s := configured(t, Config{Web: web.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}})
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
	s := configured(t, Config{Web: web.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}})
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
