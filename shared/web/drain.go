package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// closingQuiet is how long no request must have come before the listener is closed, closingMost
	// is the longest wait for that.
	closingQuiet = 100 * time.Millisecond
	closingMost  = time.Second
)

// closing is the Connection header of an answer after which the caller is to use another
// connection.
var closing = []string{"close"}

// shutdown stops the server without cutting off requests that a caller had reason to send. First
// /readyz fails while requests are still served, so that balancers turn away, and every answer asks
// its caller to use another connection. Then requests are refused, and once none arrive the
// listener is closed and the requests in progress end. Those that do not end in time are cut off.
func (s *Server) shutdown(server *http.Server) error {
	s.Drain()
	if s.config.DrainDelay > 0 {
		delay := time.NewTimer(s.config.DrainDelay)
		<-delay.C
	}
	s.closing.Store(time.Now().UnixNano())
	s.awaitQuiet()
	ctx, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("drain HTTP: %w", err), server.Close())
}

// awaitQuiet waits until no request has come for closingQuiet, so that the listener has accepted
// none when it closes.
func (s *Server) awaitQuiet() {
	tick := time.NewTicker(closingQuiet / 10)
	defer tick.Stop()
	for end := time.Now().Add(closingMost); time.Now().Before(end); <-tick.C {
		if time.Since(time.Unix(0, s.closing.Load())) >= closingQuiet {
			return
		}
	}
}

// isClosing reports whether requests are refused because the listener is about to close. It records
// that one came.
func (s *Server) isClosing() bool {
	if s.closing.Load() == 0 {
		return false
	}
	s.closing.Store(time.Now().UnixNano())
	return true
}

// Drain makes /readyz fail, answers reads that wait, and ends bulk requests after the lines that
// are in progress. Run does it when its context ends.
func (s *Server) Drain() { s.drain() }

// Draining returns a context that ends when the server begins to stop.
func (s *Server) Draining() context.Context { return s.draining }

// askToReconnect asks the caller of a server that drains to use another connection.
func (s *Server) askToReconnect(header http.Header) {
	if s.draining.Err() != nil {
		header["Connection"] = closing
	}
}

// wait runs a read that waits for a version. When the server begins to drain, the wait ends and the
// read is answered at once, so that it does not delay the end of the process.
func (s *Server) wait(c echo.Context, next echo.HandlerFunc) error {
	r := c.Request()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)()
	c.SetRequest(r.WithContext(ctx))
	c.Response().Before(func() { s.askToReconnect(c.Response().Header()) })
	return s.gates.waits.Through(CallerOf(ctx), func() error { return next(c) })
}
