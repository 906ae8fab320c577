package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/admission"
	"passbook/shared/listener"
	"passbook/shared/telemetry"
)

// gates bound the work of a server. Commands, reads, and reads that wait for a version have a
// gate each, so that none of them takes the places of another; and as each gate admits only what is
// done soon, the rest of the process has its share.
type gates struct {
	commands, reads, waits *admission.Gate
}

func newGates(most int) *gates {
	return &gates{commands: admission.NewGate(most), reads: admission.NewGate(most), waits: admission.NewFixedGate(min(maxWaits, most))}
}

// maxWaits is the most reads that wait for a version at once. They cost only memory, so their gate
// is fixed.
const maxWaits = 512

// errStuck means that no request has ended for a while, and none is admitted.
var errStuck = errors.New("all places for requests are taken, and no request has ended for 2 s: look for a call that hangs, or restart")

// ready returns nil while requests are served.
func (a *gates) ready(context.Context) error {
	if a.commands.Stuck() || a.reads.Stuck() {
		return errStuck
	}
	return nil
}

// measure registers the metrics, with all their labels from the start.
func (a *gates) measure(r prometheus.Registerer) {
	for kind, g := range map[string]*admission.Gate{"commands": a.commands, "reads": a.reads, "waits": a.waits} {
		read := func(field func(admission.State) int64) func() float64 {
			return func() float64 { return float64(field(g.State())) }
		}
		telemetry.Gauge(r, "http_in_flight", "Requests in progress. A line of bulk counts as a command.",
			read(func(s admission.State) int64 { return int64(s.Busy) }), "kind", kind)
		telemetry.Gauge(r, "http_in_flight_limit", "Requests that may be in progress at the moment.",
			read(func(s admission.State) int64 { return int64(s.Limit) }), "kind", kind)
		telemetry.Gauge(r, "http_queued", "Lines of bulk that wait for a place.",
			read(func(s admission.State) int64 { return int64(s.Queued) }), "kind", kind)
		telemetry.Counter(r, "http_shed_total", shedHelp, read(func(s admission.State) int64 { return s.Shed }), "reason", kind)
	}
}

// shedHelp is the help of the metric, the same for every reason.
const shedHelp = "Requests refused as overloaded, by what was full: the places for commands, reads or waiting reads, or the journal's queues."

// CountShed registers the count of requests that a queue behind the server's gates refused as
// overloaded.
func CountShed(r prometheus.Registerer, reason string, count func() int64) {
	telemetry.Counter(r, "http_shed_total", shedHelp, func() float64 { return float64(count()) }, "reason", reason)
}

// admit runs the handler of a route where there is room for its kind. Probes need none: they are
// asked above all under load. A command takes its place later, when its body is there.
func (s *Server) admit(c echo.Context, kind Kind, next echo.HandlerFunc) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = s.recovered(c, fault)
		}
	}()
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
	return s.read(c, next)
}

// route returns the route that a request is for, nil if there is none, with its kind: that of its
// path where the method is not served, and Read where neither is.
func (s *Server) route(c echo.Context) (*Route, Kind) {
	if route := s.routes[routeKey{c.Request().Method, c.Path()}]; route != nil {
		return route, route.Kind
	}
	return nil, s.kinds[c.Path()]
}

// refuseUnread refuses a request before its body is read. net/http would wait for the body before
// it sends the answer, so the answer is flushed here and the body is discarded after it, which
// leaves the connection usable. A body of unknown or excessive length, or one that the caller sends
// only after "100 Continue", ends the connection instead.
func (s *Server) refuseUnread(c echo.Context, refusal error) {
	r := c.Request()
	control := http.NewResponseController(c.Response())
	unknown := r.ContentLength < 0 || r.ContentLength > MaxBodyBytes || r.Header["Expect"] != nil
	if unknown || control.EnableFullDuplex() != nil {
		c.Response().Header()["Connection"] = closing
		s.fail(refusal, c)
		return
	}
	s.fail(refusal, c)
	if control.Flush() != nil {
		Abandon(r)
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		Abandon(r)
	}
}

// Abandon ends the connection of a request whose handler works in full duplex and did not read the
// body to its end. net/http looks at the rest of a body only where an answer begins after it: it
// would take what still comes for the connection's next request. What has arrived is read here,
// because net/http panics where it finds the end of a body after its handler.
func Abandon(r *http.Request) {
	if listener.End(r.Context()) {
		_, _ = io.Copy(io.Discard, r.Body) // it ends at once
	}
}

// CallerOf returns who takes places in the gates for a request, given its context. Where no
// credentials are asked for everybody is the same, and nobody has a share.
func CallerOf(ctx context.Context) admission.Caller { return callerOf(access.From(ctx)) }

func callerOf(p *access.Principal) admission.Caller {
	if p == access.Dev {
		return admission.Caller{}
	}
	return admission.Caller{Tenant: p.Tenant, Actor: p.Actor}
}

// limit returns why a request of a principal that may use the route is refused now, before its body
// is read: for what the principal has sent already, or because there is no place for a command.
func (s *Server) limit(r *http.Request, header http.Header, route *Route, kind Kind, p *access.Principal) error {
	who := callerOf(p)
	if route != nil && !route.Open {
		if !listener.Claim(r.Context(), who) {
			header["Connection"] = closing
			return Refuse(TooManyRequests)
		}
		if s.config.Rates != nil && kind != Probe {
			if err := s.count(header, p); err != nil {
				return err
			}
		}
	}
	if kind != Write || s.closing.Load() != 0 {
		return nil
	}
	return s.gates.commands.Refuses(who)
}

// count counts a request against the principal's rate. The answer's headers say what is left, in
// the form of draft-ietf-httpapi-ratelimit-headers.
func (s *Server) count(header http.Header, p *access.Principal) error {
	quota := s.config.Rates.Take(admission.Caller{Tenant: p.Tenant, Actor: p.Actor})
	header["Ratelimit-Policy"] = s.ratePolicy
	var text [48]byte
	left := strconv.AppendInt(append(text[:0], `"requests";r=`...), int64(quota.Left), 10)
	header["Ratelimit"] = []string{string(strconv.AppendInt(append(left, ";t="...), int64(quota.Full), 10))}
	if quota.Wait == 0 {
		return nil
	}
	refusal := Refuse(TooManyRequests)
	refusal.RetryAfter = quota.Wait
	return refusal
}

// ratePolicy returns the header that says how many requests a principal may send.
func ratePolicy(rates *admission.Rates) []string {
	if rates == nil {
		return nil
	}
	requests, seconds := rates.Burst()
	return []string{`"requests";q=` + strconv.Itoa(requests) + ";w=" + strconv.Itoa(seconds)}
}

// AwaitRate counts a line of bulk, once its principal may send it. It returns the error of ctx if
// that ends first.
func (s *Server) AwaitRate(ctx context.Context) error {
	if s.config.Rates == nil {
		return nil
	}
	p := access.From(ctx)
	return s.config.Rates.Wait(ctx, admission.Caller{Tenant: p.Tenant, Actor: p.Actor})
}

// read runs a read that does not wait.
func (s *Server) read(c echo.Context, next echo.HandlerFunc) error {
	return s.gates.reads.Through(CallerOf(c.Request().Context()), func() error { return next(c) })
}
