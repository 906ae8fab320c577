package delivery

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/telemetry"
)

// The results of attempts.
const (
	resultTaken   = "taken"
	resultRefused = "refused"
	resultDead    = "dead"
)

var results = []string{resultTaken, resultRefused, resultDead}

// metrics counts attempts.
type metrics struct {
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
	inFlight prometheus.Gauge
	failures prometheus.Counter
}

// newMetrics makes the metrics and registers them on r; a nil r registers nothing.
func newMetrics(r prometheus.Registerer) metrics {
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: telemetry.Namespace, Name: name, Help: help}
	}
	m := metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts(name("webhook_attempts_total", "Attempts to send an event to a webhook, after the last of which an account is dead, by result: "+strings.Join(results, ", ")+".")), []string{"result"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts(name("webhook_in_flight", "Attempts that wait for an answer."))),
		failures: prometheus.NewCounter(prometheus.CounterOpts(name("webhook_failures_total", "Reads and writes of deliveries that failed and are repeated."))),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: telemetry.Namespace, Name: "webhook_attempt_seconds", Help: "How long attempts took.", Buckets: []float64{.01, .03, .1, .3, 1, 3, 10},
		}),
	}
	for _, result := range results {
		m.attempts.WithLabelValues(result)
	}
	if r != nil {
		r.MustRegister(m.attempts, m.inFlight, m.failures, m.seconds)
	}
	return m
}
