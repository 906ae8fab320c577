package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/listener"
	"passbook/shared/telemetry"
	"passbook/shared/web/requestid"
)

// The bounds of a connection.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	// writeTimeout starts with the request, so it covers a wait and the answer after it.
	writeTimeout   = MaxWait + 30*time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// Run listens on an address until ctx ends, then drains. It returns nil when no request was cut
// off.
func (s *Server) Run(ctx context.Context, address string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	return s.Serve(ctx, listener)
}

// Serve does what Run does, on a listener that exists already, and closes it.
func (s *Server) Serve(ctx context.Context, on net.Listener) error {
	server := &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		// OPTIONS * is a route that is not served, like any other.
		DisableGeneralOptionsHandler: true,
		ConnContext:                  listener.Context,
		// The listener logs what concerns the process.
		ErrorLog: slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	accepting := listener.New(on, listener.Config{Log: s.config.Logger, TLS: s.config.TLS, Refusal: frameworkRefusal})
	s.listener.Store(accepting)
	go func() { failed <- server.Serve(accepting) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %s: %w", on.Addr(), err)
	case <-ctx.Done():
	}
	err := s.shutdown(server)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// accepting returns nil while connections are accepted, or before the server listens.
func (s *Server) accepting(ctx context.Context) error {
	if l := s.listener.Load(); l != nil {
		return l.Ready(ctx)
	}
	return nil
}

// measureConnections registers the metrics of the connections.
func (s *Server) measureConnections(r prometheus.Registerer) {
	read := func(field func(listener.State) int64) func() float64 {
		return func() float64 {
			if l := s.listener.Load(); l != nil {
				return float64(field(l.State()))
			}
			return 0
		}
	}
	telemetry.Gauge(r, "http_connections", "Connections that are open.", read(func(s listener.State) int64 { return int64(s.Open) }))
	telemetry.Gauge(r, "http_connections_limit", "Connections that may be open.", read(func(s listener.State) int64 { return int64(s.Limit) }))
	telemetry.Counter(r, "http_shed_total", shedHelp, read(func(s listener.State) int64 { return s.Shed }), "reason", "connections")
}

// The problem types that stand for what net/http refuses before a handler runs. The connection is
// closed after each.
var (
	UnreadableRequest = ProblemType{
		Code: "request-unreadable", Status: http.StatusBadRequest, Title: "Request unreadable",
		Detail: "The request line or a header is not well-formed HTTP/1.1: for instance no Host header, two lengths, or a sign that is not allowed. The connection is closed.",
	}
	HTTPSRequired = ProblemType{
		Code: "https-required", Status: http.StatusBadRequest, Title: "HTTPS required",
		Detail: "This port speaks TLS only. Send the request to https://. The connection is closed.",
	}
	ExpectationFailed = ProblemType{
		Code: "expectation-failed", Status: http.StatusExpectationFailed, Title: "Expectation failed",
		Detail: "The only Expect header that is served is 100-continue. The connection is closed.",
	}
	HeaderTooLarge = ProblemType{
		Code: "header-too-large", Status: http.StatusRequestHeaderFieldsTooLarge, Title: "Header too large",
		Detail: "The request line and all headers together may have at most 16 KB. The connection is closed.",
	}
	TransferCodingUnknown = ProblemType{
		Code: "transfer-coding-unknown", Status: http.StatusNotImplemented, Title: "Transfer coding unknown",
		Detail: "The only Transfer-Encoding that is served is chunked. The connection is closed.",
	}
	HTTPVersionUnknown = ProblemType{
		Code: "http-version-unknown", Status: http.StatusHTTPVersionNotSupported, Title: "HTTP version unknown",
		Detail: "This port speaks HTTP/1.1 and HTTP/1.0. The connection is closed.",
	}
)

// frameworkProblems are the problem types by net/http's status. Any other is an UnreadableRequest.
var frameworkProblems = map[int]ProblemType{
	listener.PlainHTTP:                     HTTPSRequired,
	http.StatusExpectationFailed:           ExpectationFailed,
	http.StatusRequestHeaderFieldsTooLarge: HeaderTooLarge,
	http.StatusNotImplemented:              TransferCodingUnknown,
	http.StatusHTTPVersionNotSupported:     HTTPVersionUnknown,
}

// frameworkRefusal returns the answer that is sent instead of one of net/http's own.
func frameworkRefusal(status int) []byte {
	kind, ok := frameworkProblems[status]
	if !ok {
		kind = UnreadableRequest
	}
	id := requestid.New()
	body := Refuse(kind).Append(nil, id)
	answer := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %s\r\n", kind.Status, http.StatusText(kind.Status), strconv.Itoa(len(body)))
	answer = fmt.Appendf(answer, "Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n\r\n", id)
	return append(answer, body...)
}
