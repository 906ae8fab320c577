package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/archiver"
	"passbook/balance"
	"passbook/cmd/internal/console"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/ops"
	"passbook/credit"
	"passbook/creditlimit"
	"passbook/shared/api"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/publisher"
	"passbook/shared/readmodel"
	"passbook/shared/telemetry"
	"passbook/shared/web"
	"passbook/withdraw"
)

// Process is a service with its stores open and its listener bound. It MUST be run, which closes
// it.
type Process struct {
	service  Service
	version  string
	config   platform.Config
	log      *slog.Logger
	registry *prometheus.Registry
	engine   *platform.Engine
	memory   platform.Memory

	// What parts stand on; nil where the service has none of them.
	journal   *journal.Journal
	withdraw  *withdraw.Service
	credit    *credit.Service
	forwarder api.Forwarder // nil where every command is decided here
	publisher *publisher.Publisher
	history   *journal.Reader
	runtime   consumer.Runtime   // of every consumer
	projected *readmodel.Metrics // of every read model
	health    *consumer.Health
	balances  *balance.Projector
	limits    *creditlimit.Projector
	archiver  *archiver.Archiver
	jobs      *ops.Registry

	// What the fittings add. asking parts send commands of their own, sending parts carry to the
	// stream what was committed, working parts read the stream or look after what others left.
	commands                 []api.Operation
	routes                   []web.Route
	checks                   []web.Check
	consumers                api.Consumers
	asking, sending, working []part

	web *api.Server
	// peers is where other writers send commands.
	api, ops, peers net.Listener
}

// Open opens the stores that the configuration names and follows the service's recipe; nothing runs
// yet but a writer's heartbeat. It listens, so that the address is known. A program that cannot
// start has changed nothing.
func Open(ctx context.Context, s Service, version string, config platform.Config, logs io.Writer) (*Process, error) {
	log, err := telemetry.NewLogger(logs, telemetry.LogOptions{Level: config.LogLevel, Format: config.LogFormat})
	if err != nil {
		return nil, fmt.Errorf("%w: --log-level or --log-format (PASSBOOK_LOG_LEVEL, PASSBOOK_LOG_FORMAT): %w", platform.ErrConfig, err)
	}
	engine, err := platform.Open(ctx, config, s.resources, log)
	if err != nil {
		return nil, err
	}
	return OpenOn(ctx, s, version, config, engine, log)
}

// OpenOn is Open on stores that are open already. It takes them over, and closes them when it
// fails.
func OpenOn(ctx context.Context, s Service, version string, config platform.Config, engine *platform.Engine, log *slog.Logger) (*Process, error) {
	p := &Process{service: s, version: version, config: config, log: log, registry: telemetry.NewRegistry(version), engine: engine, memory: platform.MemoryOf(config)}
	err := p.open(ctx)
	if err != nil {
		return nil, errors.Join(engine.Explain(err), p.close(ctx))
	}
	return p, nil
}

// open prepares the stores, listens, and fits the parts.
func (p *Process) open(ctx context.Context) error {
	if err := p.engine.Prepare(ctx); err != nil {
		return err
	}
	if err := p.checkStores(ctx); err != nil {
		return err
	}
	if err := p.listen(ctx); err != nil {
		return err
	}
	p.consumers = api.Consumers{Table: p.engine.Table, Stream: p.config.Stream(jobs.EventStream), Lease: p.config.Lease}
	for _, fit := range p.service.fittings {
		if err := fit(ctx, p); err != nil {
			return err
		}
	}
	p.openEdge()
	return nil
}

// checkStores holds the stores against one another before anything is done to them. A service that
// does not see the archive and writes no entry has nothing to compare.
func (p *Process) checkStores(ctx context.Context) error {
	set := jobs.Stores(p.config, p.engine, p.log)
	switch {
	case p.engine.Bucket != nil:
		return set.Begin(ctx)
	case slices.Contains(p.service.resources.Writes, journal.Table):
		return set.CheckWriter(ctx)
	}
	return nil
}

// listen binds the API's address.
func (p *Process) listen(ctx context.Context) (err error) {
	if p.api, err = new(net.ListenConfig).Listen(ctx, "tcp", p.config.Listen); err != nil {
		return console.Fail(console.ExitFailed, fmt.Errorf("--listen (PASSBOOK_LISTEN): %w", err), "name another address; port 0 takes a free one")
	}
	return nil
}

// openEdge makes the HTTP API of what was fitted.
func (p *Process) openEdge() {
	p.web = api.New(api.Config{
		Web: web.Config{
			Service: p.service.Name, Version: p.version, Logger: p.log, Registry: p.registry, Checks: p.checks, DrainDelay: p.config.DrainDelay,
		},
		Alone:     p.service.Name != Bank.Name,
		Forwarder: p.forwarder,
	})
	if len(p.commands) > 0 {
		p.web.Operations(p.commands...)
	}
	p.web.Mount(p.routes...)
	if len(p.consumers.Models)+len(p.consumers.Names) > 0 {
		p.consumers.Journal = p.history
		p.web.Mount(p.consumers.Route())
	}
}

// close gives back what open took, of a process that does not run.
func (p *Process) close(ctx context.Context) error {
	var errs []error
	if p.journal != nil {
		errs = append(errs, p.journal.Close(context.WithoutCancel(ctx)))
	}
	for _, l := range []net.Listener{p.api, p.ops, p.peers} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(append(errs, p.engine.Close())...)
}

// Address is where the API listens, host:port.
func (p *Process) Address() string { return p.api.Addr().String() }

// URL is where a browser on this machine finds the API: where it listens on all addresses, that is
// the loopback one.
func (p *Process) URL() string {
	host, port, err := net.SplitHostPort(p.Address())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + p.Address()
}

// exposed says whether other machines can reach the API.
func (p *Process) exposed() bool {
	at, ok := p.api.Addr().(*net.TCPAddr)
	return ok && !at.IP.IsLoopback()
}
