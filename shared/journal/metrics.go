package journal

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	append    prometheus.Histogram
	conflicts prometheus.Counter
	replays   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
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
	if r != nil {
		r.MustRegister(m.append, m.conflicts, m.replays)
	}
	return m
}
