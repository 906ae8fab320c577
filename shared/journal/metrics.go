package journal

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	append    prometheus.Histogram
	conflicts prometheus.Counter
	replays   prometheus.Counter
	stood     prometheus.Counter
	refused   prometheus.Counter
}

// newMetrics makes the collectors; furthest is how many seconds the furthest account is ahead.
func newMetrics(r prometheus.Registerer, furthest func() float64) *metrics {
	m := &metrics{
		append: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "journal_append_seconds", Help: "Time to commit one entry, repetitions included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "journal_conflicts_total", Help: "Entries that another writer's came before.",
		}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "idempotent_replays_total", Help: "Commands answered again from their first answer.",
		}),
	}
	m.stood = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "journal_clock_stood_total", Help: "Decisions on accounts whose last entry is more than 5 s ahead of this machine's clock.",
	})
	m.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "journal_clock_refused_total", Help: "Decisions refused since the account's last entry is more than 31 days ahead of this machine's clock.",
	})
	if r != nil {
		r.MustRegister(m.append, m.conflicts, m.replays, m.stood, m.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "journal_clock_ahead_seconds", Help: "How far the furthest account met within the last minute is ahead of this machine's clock; 0 up to 5 s.",
		}, furthest))
	}
	return m
}
