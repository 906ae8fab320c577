package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Inside returns a transport to a handler in this process. Requests take the same way as those from
// the network, so that limits, scopes and streams are the same, over connections in memory. Run
// serves them.
func Inside(handler http.Handler) *Transport {
	l := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	return &Transport{
		Transport: &http.Transport{DialContext: l.dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DisableCompression: true},
		pipes:     l, handler: handler,
	}
}

// Transport is an http.RoundTripper to a handler in this process.
type Transport struct {
	*http.Transport
	pipes   *pipes
	handler http.Handler
}

// Run serves the requests until ctx ends, and then ends those in progress.
func (t *Transport) Run(ctx context.Context) error {
	server := &http.Server{Handler: t.handler, ReadHeaderTimeout: callMost, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(t.pipes); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// pipes is a listener whose connections are pipes in memory.
type pipes struct {
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.accept <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the next connection, or net.ErrClosed.
func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener.
func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns an address that is none of the network.
func (*pipes) Addr() net.Addr { return pipe{} }

type pipe struct{}

func (pipe) Network() string { return "pipe" }
func (pipe) String() string  { return "inside" }
