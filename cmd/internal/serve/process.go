package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/access/oidc"
	"passbook/shared/access/persons"
	"passbook/shared/api"
	"passbook/shared/certificate"
	"passbook/shared/console/view"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/monitor"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/stores"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

// Process is a service with its stores open and its listener bound. It MUST be run, which closes
// it.
type Process struct {
	Name     string // of the program
	Version  string
	Config   platform.Config
	Memory   platform.Memory
	Log      *slog.Logger
	Registry *prometheus.Registry
	Engine   *platform.Engine
	// Clock is what decisions go by, for development; nil is the machine's.
	Clock Clock
	// Tracer exports traces; nil exports none.
	Tracer *trace.Tracer

	listener net.Listener // of the API
	web      *api.Server
	jobs     net.Addr // of the listener for jobs; nil without one
	metrics  net.Addr // of the listener for metrics; nil without one
	// auth asks for credentials; nil asks for none. firstKey is the API key that this start made,
	// empty for none.
	auth     access.Authenticator
	firstKey string
	// provider is auth where people sign in at one; nil otherwise.
	provider *oidc.Authenticator
	// certificate is that of the API; nil for one without TLS.
	certificate *certificate.Pair
	// persons are the names of persons, once Persons was called.
	persons *persons.Directory
	// keys has the API keys of callers, nil in a process that takes none.
	keys *apikey.Keeper
	// keeper has the bank's keys, once Origin was called.
	keeper *origin.Keeper
	// checks are what /readyz asks besides those of the API.
	checks []web.Check
	// figures are what the metrics say, once Figures was called.
	figures *monitor.Monitor
	// watched returns the other processes whose metrics are read; nil for none.
	watched func(ctx context.Context) ([]monitor.Process, error)
	// began is when the process was opened.
	began time.Time
	lifecycle
}

// Clock is a clock that can be moved. Moved gets a value when it has jumped.
type Clock interface {
	Now() time.Time
	Moved() <-chan struct{}
}

// API is what a process serves.
type API struct {
	// Commands change accounts; Forwarder sends each to the writer of its account, nil decides all
	// of them here.
	Commands  []api.Operation
	Forwarder api.Forwarder
	// Routes are all others.
	Routes []web.Route
	// Checks are what /readyz asks.
	Checks []web.Check
	// Pages returns the pages of the console, made with a kit; nil serves none but those to sign
	// in.
	Pages func(*view.Kit) []web.Route
	// Calls returns the transport of the console's calls, given that to this process, and Bases the
	// address at which each is taken; nil for calls of this process alone.
	Calls func(inside http.RoundTripper) http.RoundTripper
	Bases func(method, path string) string
	// Reference returns the pages of the API and its problem types, where Pages is nil.
	Reference func(*view.Kit) []web.Route
	// ServesAll says that every route of the contract is served here. Otherwise a missing route is
	// refused with the name of the service that has it.
	ServesAll bool
}

// Open opens the stores that the configuration names and puts the program together on them. It
// listens, so that the address is known, but nothing runs before Run except a writer's heartbeat. A
// program that cannot start has changed nothing.
func Open(ctx context.Context, program Program, version string, config platform.Config, logs io.Writer) (*Process, error) {
	log, err := telemetry.NewLogger(logs, telemetry.LogOptions{Level: config.LogLevel, Format: config.LogFormat})
	if err != nil {
		return nil, fmt.Errorf("%w: --log-level or --log-format (PASSBOOK_LOG_LEVEL, PASSBOOK_LOG_FORMAT): %w", platform.ErrConfig, err)
	}
	if err := config.CheckExposed(); err != nil {
		return nil, err
	}
	if err := trace.Check(); err != nil { // before a data directory is made
		return nil, wrongTraces(err)
	}
	engine, err := platform.Open(ctx, config, program.Resources, log)
	if err != nil {
		return nil, err
	}
	return OpenOn(ctx, program, version, config, engine, log)
}

// OpenOn does what Open does, on stores that are open already. The process owns them from then on;
// they are closed when OpenOn fails.
func OpenOn(ctx context.Context, program Program, version string, config platform.Config, engine *platform.Engine, log *slog.Logger) (*Process, error) {
	p := &Process{
		Name: program.Name, Version: version, Config: config, Memory: platform.MemoryOf(config), Log: log,
		Registry: telemetry.NewRegistry(version), Engine: engine, began: time.Now(),
	}
	if engine.Metrics != nil {
		p.Registry.MustRegister(engine.Metrics)
	}
	err := p.openTracer(ctx)
	if err == nil {
		err = engine.Prepare(ctx)
	}
	if err == nil {
		err = program.Open(ctx, p)
	}
	if err != nil {
		return nil, errors.Join(engine.Explain(err), p.Close(ctx))
	}
	return p, nil
}

// Now returns the clock that decisions go by.
func (p *Process) Now() func() time.Time {
	if p.Clock != nil {
		return p.Clock.Now
	}
	return time.Now
}

// ClockMoved returns a channel that gets a value when the clock has jumped; nil for the machine's.
func (p *Process) ClockMoved() <-chan struct{} {
	if p.Clock != nil {
		return p.Clock.Moved()
	}
	return nil
}

// Stores returns the process's stores, to be compared with one another.
func (p *Process) Stores() stores.Set { return deployment.Stores(p.Config, p.Engine, p.Log) }

// Origin opens the keeper of the bank's entry format and data keys, which runs until the process
// has published its last entry. It is called once, after the check of the stores.
func (p *Process) Origin(ctx context.Context) (*origin.Keeper, error) {
	k, err := origin.Open(ctx, origin.Config{
		Table: p.Engine.Table, Keys: p.Engine.Keys, Journal: journal.NewReader(p.Engine.Table), Metrics: p.Registry, Log: p.Log,
	})
	if err != nil {
		return nil, err
	}
	p.Go(UntilPublisher, "reader of the bank's row", k.Run)
	p.keeper = k
	return k, p.checkActors(k)
}

// Stream returns the full name of the stream of events.
func (p *Process) Stream() string { return p.Config.Stream(deployment.EventStream) }

// Listen binds the API's address. Only the checks of the stores come before it: a process whose
// address is taken has changed nothing.
func (p *Process) Listen(ctx context.Context) (err error) {
	if p.listener, err = p.Bind(ctx, "--listen (PASSBOOK_LISTEN)", p.Config.Listen); err != nil {
		return cli.Fail(cli.ExitFailed, err, "name another address; port 0 takes a free one")
	}
	if err := p.openTLS(); err != nil {
		return err
	}
	if err := p.openMetrics(ctx); err != nil {
		return cli.Fail(cli.ExitFailed, err, "name another address, port 0 for a free one, or off")
	}
	p.auth, err = p.authenticator(ctx)
	return err
}

// Bind binds a listener that is closed with the process. setting names where the address is from.
func (p *Process) Bind(ctx context.Context, setting, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	p.OnClose("listener on "+address, func(context.Context) error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) { // its server may have closed it
			return err
		}
		return nil
	})
	return l, nil
}

// Serve makes the HTTP API, which Run serves. It MUST be called once, after Listen.
func (p *Process) Serve(serves API) {
	p.web = api.New(api.Config{
		Web: web.Config{
			Service: p.Name, Version: p.Version, Logger: p.Log, Registry: p.Registry, Tracer: p.Tracer, Checks: append(p.checks, serves.Checks...), DrainDelay: p.Config.DrainDelay,
			Auth: p.auth, LocalOnly: p.auth == nil, Hosts: p.Config.Hosts, TLS: p.tls(), Rates: p.rates(),
		},
		OneOfSeveral: !serves.ServesAll, Forwarder: serves.Forwarder,
	})
	if len(serves.Commands) > 0 {
		p.web.Operations(serves.Commands...)
	}
	p.web.Mount(serves.Routes...)
	p.servePages(serves)
}

// MetricsAddress returns where the metrics are served without credentials, empty for nowhere.
func (p *Process) MetricsAddress() string {
	if p.metrics == nil {
		return ""
	}
	return p.metrics.String()
}

// Server returns what Serve made.
func (p *Process) Server() *api.Server { return p.web }

// Address returns where the API listens, as host:port.
func (p *Process) Address() string { return p.listener.Addr().String() }

// Close gives back what was opened. It is for a process that does not run: Run closes it too.
func (p *Process) Close(ctx context.Context) error {
	return errors.Join(p.lifecycle.close(context.WithoutCancel(ctx)), p.Engine.Close())
}

// Readable reports why the journal cannot be read, or nil.
func Readable(ctx context.Context, history *journal.Reader) error {
	_, err := history.Head(ctx, event.Account{Tenant: access.MainTenant, ID: "readyz"})
	return err
}
