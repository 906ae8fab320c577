package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"passbook/shared/platform"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// The bounds of the listener for metrics.
const (
	scrapesAtOnce   = 4
	scrapeMost      = 10 * time.Second
	scrapeIdle      = 2 * time.Minute
	maxScrapeHeader = 16 << 10
)

// openMetrics binds the listener for metrics alone, which serves until everything else has ended.
func (p *Process) openMetrics(ctx context.Context) error {
	if p.Config.MetricsListen == platform.MetricsOff {
		return nil
	}
	listener, err := p.Bind(ctx, "--metrics-listen (PASSBOOK_METRICS_LISTEN)", p.Config.MetricsListen)
	if err != nil {
		return err
	}
	at, ok := listener.Addr().(*net.TCPAddr)
	server := &http.Server{
		Handler:           metricsOnly(p.Registry, ok && at.IP.IsLoopback()),
		ReadHeaderTimeout: scrapeMost, ReadTimeout: scrapeMost, WriteTimeout: 2 * scrapeMost, IdleTimeout: scrapeIdle, MaxHeaderBytes: maxScrapeHeader,
		ErrorLog: telemetry.ServerErrors(p.Log, "metrics"),
	}
	p.metrics = listener.Addr()
	p.Go(UntilPublisher, "listener for metrics", func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() { _ = server.Close() })()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve metrics on %s: %w", listener.Addr(), err)
		}
		return nil
	})
	return nil
}

// metricsOnly serves the metrics of a registry at /metrics and nothing else, without credentials.
// On loopback it answers only requests to a loopback host, as a page in a browser could resolve its
// own name to this machine.
func metricsOnly(registry *prometheus.Registry, loopback bool) http.Handler {
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeMost})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, local := web.LoopbackName(r.Host)
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		switch {
		case loopback && !local:
			refuse(w, web.OriginRefused)
		case r.URL.Path != "/metrics":
			refuse(w, web.RouteNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			header.Set("Allow", "GET, HEAD")
			refuse(w, web.MethodNotAllowed)
		default:
			metrics.ServeHTTP(w, r)
		}
	})
}

// refuse answers with a problem document.
func refuse(w http.ResponseWriter, problem web.ProblemType) {
	id := uuid.NewString()
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Request-Id", id)
	w.WriteHeader(problem.Status)
	// a failed write means that the caller is gone
	_, _ = w.Write(web.Refuse(problem).Append(nil, id))
}
