package serve

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
	"passbook/shared/api"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// operations fits the jobs, on a loopback listener of their own that the data directory names.
func operations(ctx context.Context, p *Process) (err error) {
	if p.ops, err = new(net.ListenConfig).Listen(ctx, "tcp", p.config.OpsListen); err != nil {
		return fmt.Errorf("--ops-listen (PASSBOOK_OPS_LISTEN): %w", err)
	}
	p.jobs = ops.New()
	p.jobs.Check = jobs.Check
	for name, do := range p.workplace().Funcs() {
		p.jobs.Register(name, do)
	}
	p.asking = append(p.asking, part{"ops listener", p.serveOps})
	return nil
}

// workplace is the running bank as jobs see it.
func (p *Process) workplace() jobs.Bank {
	return jobs.Bank{
		Config: p.config, Table: p.engine.Table, Streams: p.engine.Streams, Bucket: p.engine.Bucket, CreateStream: p.engine.CreateStream,
		RenewStream: p.engine.RenewStream,
		Journal:     p.history, Log: p.log, Balance: p.balances, CreditLimit: p.limits, Exclusive: p.engine.Exclusive, Flush: p.archiver.Flush,
	}
}

// opsHandler serves the jobs, and the profiles of this process. It is for loopback only and asks
// for no credentials.
func (p *Process) opsHandler() http.Handler {
	server := api.New(api.Config{Web: web.Config{Service: p.service.Name, Version: p.version, Logger: p.log, Registry: telemetry.NewRegistry(p.version)}})
	server.Mount(p.jobs.Routes()...)
	mux := http.NewServeMux()
	mux.Handle("/", server.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ops.Local(r) { // a page in a browser that made a name of its own point here
			server.Handler().ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serveOps serves the ops listener until ctx ends.
func (p *Process) serveOps(ctx context.Context) error {
	server := &http.Server{Handler: p.opsHandler(), ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(p.ops); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve jobs on %s: %w", p.ops.Addr(), err)
	}
	return nil
}
