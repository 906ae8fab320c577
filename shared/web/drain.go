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
	// closingQuiet is how long no request may have come before the listener is closed, closingMost
	// how long that is waited for.
	closingQuiet = 100 * time.Millisecond
	closingMost  = time.Second
)

// closing is the header of an answer after which the caller is to use another connection.
var closing = []string{"close"}

// shutdown ends the server so that no request is cut off which a caller had reason to send. It says
// not ready and serves on, while balancers turn away and callers are told, answer by answer, not to
// use their connection again. Then it takes no more requests, and says so, and once none come it
// closes the listener and lets the requests under way end. What does not end in time is cut off.
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

// awaitQuiet waits until no request has come for a moment, so that none is in the listener's hands
// when it closes.
func (s *Server) awaitQuiet() {
	tick := time.NewTicker(closingQuiet / 10)
	defer tick.Stop()
	for end := time.Now().Add(closingMost); time.Now().Before(end); <-tick.C {
		if time.Since(time.Unix(0, s.closing.Load())) >= closingQuiet {
			return
		}
	}
}

// isClosing says whether requests are refused because the listener is about to close, and remembers
// that one came.
func (s *Server) isClosing() bool {
	if s.closing.Load() == 0 {
		return false
	}
	s.closing.Store(time.Now().UnixNano())
	return true
}

// Drain makes /readyz say no, answers reads that wait, and ends bulk requests after the lines that
// are in progress. Run does it when its context ends.
func (s *Server) Drain() { s.drain() }

// Draining returns a context that ends when the server begins to stop.
func (s *Server) Draining() context.Context { return s.draining }

// sayClosing tells the caller, of a server that drains, not to use the connection again.
func (s *Server) sayClosing(header http.Header) {
	if s.draining.Err() != nil {
		header["Connection"] = closing
	}
}

// wait runs a read that waits for a version. It does not hold up the end of the process: it is
// answered as things stand then.
func (s *Server) wait(c echo.Context, next echo.HandlerFunc) error {
	r := c.Request()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)()
	c.SetRequest(r.WithContext(ctx))
	c.Response().Before(func() { s.sayClosing(c.Response().Header()) })
	return s.admission.waits.Through(func() error { return next(c) })
}
