package consumer

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the counts of all the consumers of a process, by consumer name. Methods may be called
// concurrently.
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

// What the labels of the counters can be, besides the consumer.
var (
	results = []string{"applied", "duplicate", "filled", "skipped", "poison"}
	steps   = []string{"survey", "lease", "handle", "throttled", "heal", "tend"}
	moves   = []string{"acquired", "handed", "lost", "stalled"}
	kinds   = []string{"row"}
)

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
		entries:     counter("entries_total", "Entries by what became of them: "+strings.Join(results, ", ")+".", "consumer", "result"),
		failures:    counter("failures_total", "Attempts that failed and were repeated, by step: "+strings.Join(steps, ", ")+".", "consumer", "step"),
		leaseMoves:  counter("lease_moves_total", "Leases, by what became of them: "+strings.Join(moves, ", ")+".", "consumer", "move"),
		holes:       counter("holes_total", "Ranges of a shard that were gone before they were read.", "consumer"),
		writes:      counter("writes_total", "Conditional writes, by kind: "+strings.Join(kinds, ", ")+".", "consumer", "kind"),
	}
	if r != nil {
		r.MustRegister(m.lag, m.leases, m.quarantined, m.entries, m.failures, m.leaseMoves, m.holes, m.writes)
	}
	return m
}

// born makes every series of a consumer, at 0: what is counted up from nothing is no increase to
// whoever watches.
func (m *Metrics) born(consumer string) {
	m.quarantined.WithLabelValues(consumer)
	m.leases.WithLabelValues(consumer)
	m.holes.WithLabelValues(consumer)
	for counter, labels := range map[*prometheus.CounterVec][]string{m.entries: results, m.failures: steps, m.leaseMoves: moves, m.writes: kinds} {
		for _, label := range labels {
			counter.WithLabelValues(consumer, label)
		}
	}
}

// counts are the counters of one consumer, looked up once: a lookup by label costs more than the
// count.
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
