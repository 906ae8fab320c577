package journal

import (
	"passbook/shared/telemetry"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	append    prometheus.Histogram
	conflicts prometheus.Counter
	replays   prometheus.Counter
	ahead     prometheus.Counter
	refused   prometheus.Counter
}

// newMetrics returns the collectors, registered unless r is nil. furthest returns how many seconds
// the furthest account is ahead.
func newMetrics(r prometheus.Registerer, furthest func() float64) *metrics {
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
	}
	m.ahead = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: telemetry.Namespace, Name: "journal_clock_stood_total", Help: "Commands decided on accounts whose last entry is more than 5 s ahead of this machine's clock.",
	})
	m.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: telemetry.Namespace, Name: "journal_clock_refused_total", Help: "Commands refused because the account's last entry is more than 31 days ahead of this machine's clock.",
	})
	if r != nil {
		r.MustRegister(m.append, m.conflicts, m.replays, m.ahead, m.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: telemetry.Namespace, Name: "journal_clock_ahead_seconds", Help: "Seconds by which the furthest account of the last minute is ahead of this machine's clock; 0 up to 5 s.",
		}, furthest))
	}
	return m
}
