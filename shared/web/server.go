package web

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/admission"
	"passbook/shared/listener"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/accesslog"
	"passbook/shared/telemetry/trace"
)

// The server's bounds, where Config does not set them.
const (
	// MaxBodyBytes is the most bytes of a body, and of a line of bulk.
	MaxBodyBytes = 64 << 10
	// MaxWait is the longest time that a read waits for min_version.
	MaxWait = 30 * time.Second

	defaultTimeout      = 10 * time.Second
	defaultMaxInFlight  = 4096
	defaultDrainTimeout = 25 * time.Second
)

// Config configures a Server. Service, Logger and Registry are required.
type Config struct {
	// Service is the program's name: withdraw, credit, balance, creditlimit, archiver or bank.
	Service string
	// Version is the program's, as /version answers it; empty is what the toolchain stamped.
	Version string
	Logger  *slog.Logger
	// Registry takes the server's metrics and is served under /metrics.
	Registry *prometheus.Registry
	// Timeout bounds a request, or a line of bulk; 0 is 10 s. A read that waits has its wait in
	// addition.
	Timeout time.Duration
	// MaxInFlight is the most commands in progress at once, and the most reads; 0 is 4096. More are
	// refused as overloaded.
	MaxInFlight int
	// DrainDelay is how long the server still serves after /readyz has begun to fail, so that
	// balancers turn away.
	DrainDelay time.Duration
	// DrainTimeout bounds the wait for the requests in progress after that; 0 is 25 s.
	DrainTimeout time.Duration
	// TLS makes the server speak HTTPS; nil means HTTP.
	TLS *tls.Config
	// Checks are what /readyz runs.
	Checks []Check
	// Auth makes principals of bearer tokens; nil asks for none, and everybody is access.Dev.
	Auth access.Authenticator
	// LocalOnly refuses what a browser sends for a page of another origin, and requests to other
	// hosts than loopback names and Hosts, which are names without a port. It is for a server that
	// asks for no credentials.
	LocalOnly bool
	Hosts     []string
	// Rates bound how many requests a second each principal sends; nil means that nothing does.
	Rates *admission.Rates
	// Tracer exports a span of each request; nil exports none.
	Tracer *trace.Tracer
	// ProblemOf returns the problem that stands for a handler's error; nil is the function of that
	// name, which knows problems and the router's errors.
	ProblemOf func(r *http.Request, err error) *Problem
}

// Kind says which place a route takes, and how long it may take.
type Kind int

const (
	// Read is a query: it takes a place among the reads, or among the waits if it waits for a
	// version.
	Read Kind = iota
	// Write is a command: it is refused before its body is read while there is no place for it. Its
	// handler takes the place, from Server.Commands, once the body has been read.
	Write
	// Stream lasts as long as its caller wants. It has no deadline; its handler takes its places.
	Stream
	// Probe must answer under any load. It takes no place.
	Probe
)

// Route is a method and path that is served. Path is as in the contract: parameters in braces. It
// has Scopes or AnyOf, or is Open.
type Route struct {
	Method, Path string
	Kind         Kind
	// Scopes are all needed, and of AnyOf, if it is not empty, one.
	Scopes, AnyOf access.Scopes
	// Open says that no credential is needed. One that is given is looked at, as the answer may
	// be longer for some principals, but a wrong one is no error.
	Open bool
	// AnyHost says that a server that is LocalOnly answers it under any host's name: probes use
	// the pod's address.
	AnyHost bool
	Handler echo.HandlerFunc
}

// routeKey identifies a route by its method and its path in the router's form.
type routeKey struct{ method, path string }

// Server serves routes until it stops. Mount must precede Run; all else may be called concurrently.
type Server struct {
	config  Config
	echo    *echo.Echo
	mounted map[string]Route // by method, space, path in the contract's form
	// templates maps the router's paths to the contract's.
	templates map[string]string
	latency   *prometheus.HistogramVec
	log       *accesslog.Log
	// routes are those that are mounted, by the router's path. kinds are, by that path, the highest
	// of its routes' kinds.
	routes map[routeKey]*Route
	kinds  map[string]Kind
	gates  *gates
	// ratePolicy is the header that says what Config.Rates allow.
	ratePolicy []string
	listener   atomic.Pointer[listener.Listener]
	// draining is done when the server begins to stop.
	draining context.Context
	drain    context.CancelFunc
	// closing is when the last request came (Unix nanoseconds) since requests are refused for the
	// end of the server; 0 before that.
	closing atomic.Int64
}

// New makes a server that serves the process routes: livez, readyz, metrics and version.
func New(c Config) *Server {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = defaultMaxInFlight
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = defaultDrainTimeout
	}
	if c.ProblemOf == nil {
		c.ProblemOf = func(_ *http.Request, err error) *Problem { return ProblemOf(err) }
	}
	s := &Server{
		config: c, echo: echo.New(), mounted: map[string]Route{}, templates: map[string]string{}, routes: map[routeKey]*Route{}, kinds: map[string]Kind{},
		gates: newGates(c.MaxInFlight), ratePolicy: ratePolicy(c.Rates),
		latency: telemetry.Latency(c.Registry, "http_request_duration_seconds", "Time from a request's header to the end of its answer, by route, method and status.", "route", "method", "status"),
		log:     accesslog.New(c.Logger),
	}
	s.config.Checks = append(slices.Clip(c.Checks),
		Check{Name: "requests", Problem: Overloaded, Ready: s.gates.ready},
		Check{Name: "connections", Problem: Overloaded, Ready: s.accepting})
	s.gates.measure(c.Registry)
	s.measureConnections(c.Registry)
	if c.Rates != nil {
		telemetry.Counter(c.Registry, "http_rate_refused_total", "Requests refused since their key or token had sent more than --rate allows.", func() float64 { return float64(c.Rates.Refused()) })
	}
	s.draining, s.drain = context.WithCancel(context.Background())
	s.echo.HTTPErrorHandler = s.fail
	s.echo.Use(s.edge)
	s.Mount(s.processRoutes()...)
	return s
}

// Mount adds routes, each GET as HEAD too. It panics on two routes of the same method and path, and
// on one that neither has scopes nor is open, which are mistakes in the program.
func (s *Server) Mount(routes ...Route) {
	for _, r := range routes {
		name := r.Method + " " + r.Path
		if _, twice := s.mounted[name]; twice {
			panic("web: mounted twice: " + name)
		}
		if r.Open == (r.Scopes|r.AnyOf != 0) {
			panic("web: mounted without scopes and not open, or with both: " + name)
		}
		s.mounted[name] = r
		path := inRouter(r.Path)
		s.templates[path], s.routes[routeKey{r.Method, path}] = r.Path, &r
		s.kinds[path] = max(s.kinds[path], r.Kind)
		s.echo.Add(r.Method, path, r.Handler)
		if r.Method == http.MethodGet {
			s.routes[routeKey{http.MethodHead, path}] = &r
			s.echo.Add(http.MethodHead, path, r.Handler)
		}
	}
}

// inRouter returns a path of the contract in the router's form.
func inRouter(path string) string { return strings.NewReplacer("{", ":", "}", "").Replace(path) }

// Mounted reports whether a route is served: method in capitals, path in the contract's form.
func (s *Server) Mounted(method, path string) bool {
	_, ok := s.mounted[method+" "+path]
	return ok
}

// Route returns a route that is mounted, by its name in Routes, and whether there is one.
func (s *Server) Route(name string) (Route, bool) {
	route, ok := s.mounted[name]
	return route, ok
}

// Routes lists what is mounted, as "METHOD /path" in the contract's form, in no order.
func (s *Server) Routes() []string { return slices.Collect(maps.Keys(s.mounted)) }

// Timeout returns the bound of a request that does not wait.
func (s *Server) Timeout() time.Duration { return s.config.Timeout }

// Commands returns the gate of commands.
func (s *Server) Commands() *admission.Gate { return s.gates.commands }

// Handler returns the server without its listener, for tests and for embedding.
func (s *Server) Handler() http.Handler { return s.echo }
