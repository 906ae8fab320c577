package publisher

import (
	"passbook/shared/telemetry"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	lag     prometheus.Histogram
	refused prometheus.Counter
	drained prometheus.Counter
	records *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: telemetry.Namespace, Name: "publish_lag_seconds", Help: "Seconds from the commit of an entry to the stream's acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: telemetry.Namespace, Name: "publish_refused_total", Help: "Entries that the stream refused and that are sent again.",
		}),
		drained: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: telemetry.Namespace, Name: "publish_drained_total", Help: "Entries of dead writers that this process published.",
		}),
	}
	m.records = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: telemetry.Namespace, Name: "published_records_total", Help: "Records that the stream took from this process, by shard.",
	}, []string{"shard"})
	if r != nil {
		r.MustRegister(m.records, m.lag, m.refused, m.drained)
	}
	return m
}
