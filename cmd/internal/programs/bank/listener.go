package bank

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/ops"
	"passbook/cmd/internal/serve"
	"passbook/shared/api"
	"passbook/shared/platform"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// serveJobs adds the jobs, on a loopback listener whose address is announced in the data directory.
func serveJobs(ctx context.Context, p *serve.Process, b jobs.Bank) error {
	listener, err := p.Bind(ctx, "--ops-listen (PASSBOOK_OPS_LISTEN)", p.Config.OpsListen)
	if err != nil {
		return err
	}
	registry := ops.New()
	registry.Check = jobs.Check
	for name, do := range b.Funcs() {
		registry.Register(name, do)
	}
	p.At(serve.CancelJobs, "jobs", registry.Close)
	p.Go(serve.UntilCallers, "listener for jobs", func(ctx context.Context) error { return serveUntil(ctx, listener, handler(p, registry)) })
	p.AnnounceJobs(listener.Addr())
	if p.Config.Store != platform.Embedded {
		return nil
	}
	withdraw, err := platform.AnnounceOps(p.Config.Data, listener.Addr().String())
	p.At(serve.CancelJobs, "address of the jobs", func(context.Context) error { return withdraw() })
	p.OnClose("address of the jobs", func(context.Context) error { return withdraw() }) // of a process that never ran
	return err
}

// inner makes the server of the jobs' routes.
func inner(p *serve.Process, registry *ops.Registry) *api.Server {
	server := api.New(api.Config{Web: web.Config{Service: p.Name, Version: p.Version, Logger: p.Log, Registry: telemetry.NewRegistry(p.Version)}})
	server.Mount(registry.Routes()...)
	return server
}

// handler serves the jobs, and the profiles of this process. It is for loopback only and asks for
// no credentials.
func handler(p *serve.Process, registry *ops.Registry) http.Handler {
	routes := inner(p, registry).Handler()
	mux := http.NewServeMux()
	mux.Handle("/", routes)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ops.Local(r) { // a page in a browser whose own name resolves to this machine
			routes.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serveUntil serves until ctx ends.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve jobs on %s: %w", listener.Addr(), err)
	}
	return nil
}
