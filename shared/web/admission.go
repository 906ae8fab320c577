package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/telemetry"
)

// admission is what bounds the work of a server. Commands, reads, and reads that wait for a version
// have a gate each, so that none of them takes what another needs; and as each gate lets in only
// what is done soon, what else runs in the process has its share.
type admission struct {
	commands, reads, waits *Gate
}

func newAdmission(most int) *admission {
	return &admission{commands: newGate(most), reads: newGate(most), waits: newFixedGate(min(maxWaits, most))}
}

// errStuck: nothing has been done for a while, and nothing more is let in.
var errStuck = errors.New("all places for requests are taken, and none has come free for seconds")

// ready says whether requests are served.
func (a *admission) ready(context.Context) error {
	if a.commands.stuck() || a.reads.stuck() {
		return errStuck
	}
	return nil
}

// measure adds the metrics, each there from the start.
func (a *admission) measure(r prometheus.Registerer) {
	for kind, g := range map[string]*Gate{"commands": a.commands, "reads": a.reads, "waits": a.waits} {
		read := func(field func(gateState) int64) func() float64 {
			return func() float64 { return float64(field(g.state())) }
		}
		telemetry.Gauge(r, "http_in_flight", "Requests under way; among the commands, lines of bulk.",
			read(func(s gateState) int64 { return int64(s.busy) }), "kind", kind)
		telemetry.Gauge(r, "http_in_flight_limit", "How many may be under way now.",
			read(func(s gateState) int64 { return int64(s.limit) }), "kind", kind)
		telemetry.Gauge(r, "http_queued", "Lines of bulk that wait for their turn.",
			read(func(s gateState) int64 { return int64(s.queued) }), "kind", kind)
		telemetry.Counter(r, "http_shed_total", shedHelp, read(func(s gateState) int64 { return s.shed }), "reason", kind)
	}
}

// shedHelp is the help of all reasons alike.
const shedHelp = "Requests refused as overloaded: too many commands, reads or waiting reads at once, or too much in the journal's queues."

// CountShed adds a reason to the metric of requests refused as overloaded: those that a queue
// behind the server's own gates refused.
func CountShed(r prometheus.Registerer, reason string, count func() int64) {
	telemetry.Counter(r, "http_shed_total", shedHelp, func() float64 { return float64(count()) }, "reason", reason)
}

// admit runs the handler where there is room for it. Probes need none: they are asked above all
// under load. A command takes its place later, when its body is there.
func (s *Server) admit(c echo.Context, next echo.HandlerFunc) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = s.recovered(c, fault)
		}
	}()
	kind := s.kind(c)
	switch {
	case kind == Probe:
		return next(c)
	case s.isClosing():
		return Refuse(ShuttingDown)
	case kind == Write || kind == Stream:
		return next(c)
	case queryWait(c.Request().URL.RawQuery) > 0:
		return s.wait(c, next)
	}
	return s.admission.reads.Through(func() error { return next(c) })
}

// kind returns the kind of the route that a request is for; Read where there is none.
func (s *Server) kind(c echo.Context) Kind { return s.kinds[routeKey{c.Request().Method, c.Path()}] }

// Through runs work inside the gate, or refuses it as Overloaded.
func (g *Gate) Through(work func() error) error {
	if !g.enter() {
		return Refuse(Overloaded)
	}
	began := time.Now()
	defer func() { g.leave(time.Since(began)) }()
	return work()
}

// isUnwanted says that a request is a command for which there is no place now: it is refused before
// its body is read.
func (s *Server) isUnwanted(c echo.Context) bool {
	return s.kind(c) == Write && s.closing.Load() == 0 && s.admission.commands.full()
}

// refuseUnread refuses a request before its body is read. net/http would wait for the body before
// it sends the answer; so the answer is sent here, and what was on its way is dropped after it, for
// the connection's next request. Where nobody knows how much that is, or the caller waits for leave
// to send it, the connection ends.
func (s *Server) refuseUnread(c echo.Context) {
	r := c.Request()
	control := http.NewResponseController(c.Response())
	unknown := r.ContentLength < 0 || r.ContentLength > MaxBodyBytes || r.Header["Expect"] != nil
	if unknown || control.EnableFullDuplex() != nil {
		c.Response().Header()["Connection"] = closing
		s.fail(Refuse(Overloaded), c)
		return
	}
	s.fail(Refuse(Overloaded), c)
	if control.Flush() == nil {
		_, _ = io.Copy(io.Discard, r.Body) // what fails here ends the connection
	}
}
