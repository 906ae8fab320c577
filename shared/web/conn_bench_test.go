package web_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/web"
)

// BenchmarkConnection reads over a connection: a request costs what its handler does not. The
// caller's side allocates nothing.
func BenchmarkConnection(b *testing.B) {
	s := web.New(web.Config{Service: "test", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	s.Mount(web.Route{Method: http.MethodGet, Path: "/v1/{id}/x", Scopes: access.AccountsRead, Handler: func(c echo.Context) error {
		web.SetVersion(c, 1234)
		web.Reply(c, http.StatusOK, []byte(`{"a":1}`))
		return nil
	}})
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	stopped := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { stopped <- s.Serve(ctx, on) }()
	conn, err := net.Dial("tcp", on.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	request, answers := []byte("GET /v1/a/x HTTP/1.1\r\nHost: "+on.Addr().String()+"\r\nUser-Agent: bench\r\n\r\n"), bufio.NewReader(conn)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		skipAnswer(b, answers)
	}
	_ = conn.Close()
	stop()
	if err := <-stopped; err != nil {
		b.Fatal(err)
	}
}

// skipAnswer reads an answer with a Content-Length, and fails unless it is of status 2xx.
func skipAnswer(b *testing.B, from *bufio.Reader) {
	line, err := from.ReadSlice('\n')
	if err != nil || len(line) < 12 || line[9] != '2' {
		b.Fatalf("%q, %v", line, err)
	}
	length := 0
	for len(line) > 2 {
		if line, err = from.ReadSlice('\n'); err != nil {
			b.Fatal(err)
		}
		if text, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length = 0
			for _, digit := range bytes.TrimSpace(text) {
				length = 10*length + int(digit-'0')
			}
		}
	}
	if _, err := from.Discard(length); err != nil && err != io.EOF {
		b.Fatal(err)
	}
}
