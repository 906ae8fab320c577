package publisher

import (
	"time"

	"passbook/shared/telemetry"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	lag     prometheus.Histogram
	refused prometheus.Counter
	drained prometheus.Counter
	records *prometheus.CounterVec
}

// newMetrics returns the collectors, registered unless r is nil.
func (p *Publisher) newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: telemetry.Namespace, Name: "publish_lag_seconds", Help: "Seconds from the commit of an entry to the stream's acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 20),
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
		telemetry.Gauge(r, "publish_queue_entries", "Committed entries that wait for the stream.", func() float64 { return float64(p.queueState().entries) })
		telemetry.Gauge(r, "publish_queue_bytes", "Bytes of the records of the entries that wait for the stream.", func() float64 { return float64(p.queueState().bytes) })
		telemetry.Gauge(r, "publish_queue_limit_bytes", "Bytes at which commands are refused as overloaded.", func() float64 { return float64(p.config.WaitingBytes) })
		telemetry.Gauge(r, "publish_oldest_seconds", "Age of the oldest committed entry that waits for the stream; 0 for none.", func() float64 { return p.oldest().Seconds() })
	}
	return m
}

// queueState is how much waits for the stream.
type queueState struct{ entries, bytes int }

func (p *Publisher) queueState() queueState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return queueState{p.waiting, p.bytes}
}

// oldest returns the age of the oldest entry that waits, 0 for none. Each account's first one is
// its oldest.
func (p *Publisher) oldest() (age time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.accounts {
		if len(q.entries) > 0 {
			age = max(age, time.Since(q.entries[0].since))
		}
	}
	return age
}
