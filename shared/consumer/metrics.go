package consumer

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the counts of all the consumers of a process, by consumer name. Methods may be called concurrently.
type Metrics struct {
	lag         *prometheus.GaugeVec
	leases      *prometheus.GaugeVec
	quarantined *prometheus.GaugeVec
	entries     *prometheus.CounterVec
	failures    *prometheus.CounterVec
	leaseMoves  *prometheus.CounterVec
	holes       *prometheus.CounterVec
	writes      *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them on r; a nil r registers nothing.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "passbook", Subsystem: "consumer", Name: name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "passbook", Subsystem: "consumer", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		lag:         gauge("lag_seconds", "How far the last batch's end was from the shard's tip.", "consumer", "shard"),
		leases:      gauge("leases", "Shards that this process holds.", "consumer"),
		quarantined: gauge("quarantined_accounts", "Accounts and records set aside.", "consumer"),
		entries:     counter("entries_total", "Entries by what became of them: applied, duplicate, filled, skipped, poison.", "consumer", "result"),
		failures:    counter("failures_total", "Attempts that failed and were repeated, by step: read, handle, survey, lease, throttled.", "consumer", "step"),
		leaseMoves:  counter("lease_moves_total", "Leases acquired, handed over, lost and stalled.", "consumer", "move"),
		holes:       counter("holes_total", "Ranges of a shard that were gone before they were read.", "consumer"),
		writes:      counter("writes_total", "Conditional writes, by kind: row, checkpoint.", "consumer", "kind"),
	}
	if r != nil {
		r.MustRegister(m.lag, m.leases, m.quarantined, m.entries, m.failures, m.leaseMoves, m.holes, m.writes)
	}
	return m
}

// counts are the counters of one consumer, looked up once: a lookup by label costs more than the count.
type counts struct {
	applied, duplicate, filled, skipped, poison prometheus.Counter
	rowWrites                                   prometheus.Counter
}

func (m *Metrics) counts(consumer string) counts {
	return counts{
		applied:   m.entries.WithLabelValues(consumer, "applied"),
		duplicate: m.entries.WithLabelValues(consumer, "duplicate"),
		filled:    m.entries.WithLabelValues(consumer, "filled"),
		skipped:   m.entries.WithLabelValues(consumer, "skipped"),
		poison:    m.entries.WithLabelValues(consumer, "poison"),
		rowWrites: m.writes.WithLabelValues(consumer, "row"),
	}
}
