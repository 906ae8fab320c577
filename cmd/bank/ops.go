package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"passbook/shared/telemetry"
	"passbook/shared/web"
	"passbook/shared/web/ops"
)

// opsHandler serves the jobs, and the profiles of this process. It is for loopback only and asks for no credentials.
func (b *bank) opsHandler() http.Handler {
	server := web.New(web.Config{Service: "bank", Version: version, Logger: b.log, Registry: telemetry.NewRegistry(version)})
	server.Mount(b.jobs.Routes()...)
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
func (b *bank) serveOps(ctx context.Context) error {
	server := &http.Server{Handler: b.opsHandler(), ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(b.opsInner); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve jobs on %s: %w", b.opsInner.Addr(), err)
	}
	return nil
}
