package bank

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/ops"
	"passbook/cmd/internal/serve"
	"passbook/shared/api"
	"passbook/shared/platform"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// newRegistry returns a registry with all jobs of a bank, and the secret that its callers know.
func newRegistry(b jobs.Bank) (registry *ops.Registry, secret string) {
	secret = ops.NewSecret()
	registry = ops.New(secret, platform.OSUser())
	registry.Check = jobs.Check
	for name, do := range b.Funcs() {
		registry.Register(name, do)
	}
	return registry, secret
}

// serveJobs serves the jobs of a registry on a loopback listener, whose address is announced in the
// data directory.
func serveJobs(ctx context.Context, p *serve.Process, registry *ops.Registry, secret string) error {
	listener, err := p.Bind(ctx, "--ops-listen (PASSBOOK_OPS_LISTEN)", p.Config.OpsListen)
	if err != nil {
		return err
	}
	p.At(serve.CancelJobs, "jobs", registry.Close)
	server := jobsServer(p, registry)
	server.Mount(ops.Profiles()...)
	p.Go(serve.UntilCallers, "listener for jobs", func(ctx context.Context) error { return serveUntil(ctx, listener, server.Handler(), p.Log) })
	p.AnnounceJobs(listener.Addr())
	withdraw, err := platform.AnnounceOps(p.Config, platform.Ops{Address: listener.Addr().String(), Secret: secret})
	if err != nil && p.Config.Store == platform.AWS { // jobs use the stores themselves
		p.Log.Info("nobody knows the secret of the listener for jobs and profiles; name a directory for it with --data", "error", err)
		return nil
	}
	p.At(serve.CancelJobs, "address of the jobs", func(context.Context) error { return withdraw() })
	p.OnClose("address of the jobs", func(context.Context) error { return withdraw() }) // of a process that never ran
	return err
}

// jobsServer makes the server of the jobs' routes.
func jobsServer(p *serve.Process, registry *ops.Registry) *api.Server {
	server := api.New(api.Config{Web: web.Config{
		Service: p.Name, Version: p.Version, Logger: p.Log, Registry: telemetry.NewRegistry(p.Version), Auth: registry, LocalOnly: true,
	}})
	server.Mount(registry.Routes()...)
	return server
}

// serveUntil serves until ctx ends.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ErrorLog: telemetry.ServerErrors(log, "jobs")}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve jobs on %s: %w", listener.Addr(), err)
	}
	return nil
}
