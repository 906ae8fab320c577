package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	p.metrics = listener.Addr()
	p.Go(UntilPublisher, "listener for metrics", func(ctx context.Context) error {
		return ServeMetrics(ctx, listener, p.Registry, nil, p.Log)
	})
	return nil
}

// ServeMetrics serves the metrics of a registry at /metrics until ctx ends, without credentials;
// and for a process that has no API, whose ready is not nil, /livez and /readyz.
func ServeMetrics(ctx context.Context, listener net.Listener, registry *prometheus.Registry, ready func() error, log *slog.Logger) error {
	at, ok := listener.Addr().(*net.TCPAddr)
	server := &http.Server{
		Handler:           metricsOnly(registry, ready, ok && at.IP.IsLoopback()),
		ReadHeaderTimeout: scrapeMost, ReadTimeout: scrapeMost, WriteTimeout: 2 * scrapeMost, IdleTimeout: scrapeIdle, MaxHeaderBytes: maxScrapeHeader,
		ErrorLog: telemetry.ServerErrors(log, "metrics"),
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics on %s: %w", listener.Addr(), err)
	}
	return nil
}

// metricsOnly serves the metrics of a registry and, with ready, whether the process is ready. On
// loopback it answers only requests to a loopback host, as a page in a browser could resolve its
// own name to this machine.
func metricsOnly(registry *prometheus.Registry, ready func() error, loopback bool) http.Handler {
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeMost})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, local := web.LoopbackName(r.Host)
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		switch {
		case loopback && !local:
			refuse(w, web.OriginRefused)
		case r.URL.Path != "/metrics" && (ready == nil || r.URL.Path != "/livez" && r.URL.Path != "/readyz"):
			refuse(w, web.RouteNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			header.Set("Allow", "GET, HEAD")
			refuse(w, web.MethodNotAllowed)
		case r.URL.Path == "/metrics":
			metrics.ServeHTTP(w, r)
		case r.URL.Path == "/readyz" && ready() != nil: // the log says why
			answer(w, http.StatusServiceUnavailable, "not ready")
		case r.URL.Path == "/readyz":
			answer(w, http.StatusOK, "ready")
		default:
			answer(w, http.StatusOK, "live")
		}
	})
}

// answer answers a probe.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// a failed write means that the caller is gone
	_, _ = fmt.Fprintf(w, `{"status":%q}`, text)
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
