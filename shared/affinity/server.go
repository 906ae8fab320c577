package affinity

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"passbook/shared/api"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

// Server decides the commands that other writers send, on a separate listener.
type Server struct {
	receiver *api.Receiver
	secret   string
	keys     Keys
	server   *http.Server
	inner    net.Listener
	tracer   *trace.Tracer
	log      *slog.Logger
}

// NewServer returns a Server on a listener, which Run closes. A client that does not know the
// secret fails in the handshake, and a call that is not signed with the bank's key is refused.
func NewServer(listener net.Listener, secret string, keys Keys, receiver *api.Receiver, tracer *trace.Tracer, log *slog.Logger) (*Server, error) {
	config, err := sharedSecretTLS(secret)
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"h2"}
	s := &Server{receiver: receiver, secret: secret, keys: keys, inner: tls.NewListener(listener, config), tracer: tracer, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, s.decide)
	mux.HandleFunc("POST "+olderPath, func(w http.ResponseWriter, _ *http.Request) { refuse(w, errOtherForm) })
	s.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: hopMost, ReadTimeout: 2 * hopMost, WriteTimeout: 2 * hopMost, IdleTimeout: 2 * idleMost,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams}, ErrorLog: telemetry.ServerErrors(log, "other writers"),
	}
	return s, nil
}

// maxStreams is how many commands of one connection may be in progress.
const maxStreams = 1000

// Run serves until ctx ends, and then waits for what is in progress, for at most as long as a hop.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(s.inner) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve other writers on %s: %w", s.inner.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), hopMost)
	defer cancel()
	if s.server.Shutdown(ending) != nil {
		_ = s.server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve other writers on %s: %w", s.inner.Addr(), err)
	}
	return nil
}

// decide answers one command.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	command, err := s.read(r)
	if err != nil {
		s.log.WarnContext(r.Context(), "refused a command of another writer, which decides it itself", "error", err)
		refuse(w, err)
		return
	}
	left := min(time.Duration(command.Left)*time.Millisecond, hopMost)
	ctx, cancel := context.WithTimeout(telemetry.WithCorrelation(r.Context(), command.CorrelationID), left)
	defer cancel()
	ctx, span := s.tracer.Continue(ctx, r.Header.Get(headerTrace))
	answer, err := s.receiver.Answer(ctx, command.Forwarded)
	span.EndCommand(answer.Problem, answer.Status)
	if err != nil {
		s.log.WarnContext(ctx, "cannot read a command from another writer, which decides it itself", "error", err)
		refuse(w, err)
		return
	}
	meta, err := json.Marshal(answer)
	if err != nil { // its fields are numbers and plain text
		panic(http.ErrAbortHandler)
	}
	w.Header()[headerAnswer] = []string{string(meta)}
	_, _ = w.Write(answer.Body) // a sender that is gone decides it again
}

// read reads a command that a writer of the bank sent here.
func (s *Server) read(r *http.Request) (c call, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 2*web.MaxBodyBytes))
	if err != nil {
		return c, fmt.Errorf("read a command: %w", err)
	}
	c, err = verify(s.keys, s.secret, []byte(r.Header.Get(headerCall)), body, r.Header.Get(headerSignature), time.Now())
	if err == nil && c.Left <= 0 {
		err = errors.New("it has no time left")
	}
	if err != nil {
		return c, fmt.Errorf("read a command: %w", err)
	}
	return c, nil
}

// refuse answers that nothing was done.
func refuse(w http.ResponseWriter, cause error) {
	w.Header().Set(headerUndone, cause.Error())
	w.WriteHeader(http.StatusBadRequest)
}
