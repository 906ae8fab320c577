package journal

import (
	"passbook/shared/telemetry"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	append    prometheus.Histogram
	conflicts prometheus.Counter
	replays   prometheus.Counter
	queued    prometheus.Gauge
	running   prometheus.Gauge
}

// newMetrics returns the collectors, registered unless r is nil.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		append: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: telemetry.Namespace, Name: "journal_append_seconds", Help: "Seconds to commit one entry, repeated puts included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: telemetry.Namespace, Name: "journal_conflicts_total", Help: "Entries not committed because another writer's entry was first; their commands are decided again.",
		}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: telemetry.Namespace, Name: "idempotent_replays_total", Help: "Repeated commands that got their first answer.",
		}),
		queued:  prometheus.NewGauge(prometheus.GaugeOpts{Namespace: telemetry.Namespace, Name: "journal_queued_commands", Help: "Commands that wait in the lane of their account."}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: telemetry.Namespace, Name: "journal_lanes", Help: "Accounts whose lane decides or commits commands."}),
	}
	if r != nil {
		r.MustRegister(m.append, m.conflicts, m.replays, m.queued, m.running)
	}
	return m
}
