package readmodel

import (
	"strings"

	"passbook/shared/telemetry"

	"github.com/prometheus/client_golang/prometheus"
)

// The results of an entry. resultUnprocessable counts accounts and records that were put into
// quarantine.
const (
	resultApplied       = "applied"
	resultDuplicate     = "duplicate"
	resultFilled        = "filled"
	resultSkipped       = "skipped"
	resultUnprocessable = "poison"
)

// writeRow is the kind of write that a projection makes.
const writeRow = "row"

var (
	results    = []string{resultApplied, resultDuplicate, resultFilled, resultSkipped, resultUnprocessable}
	writeKinds = []string{writeRow}
)

// Metrics counts what the projections of a process do, by consumer. It may be used concurrently.
type Metrics struct {
	quarantined *prometheus.GaugeVec
	entries     *prometheus.CounterVec
	writes      *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them on r; a nil r registers nothing.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: telemetry.Namespace, Subsystem: "consumer", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		quarantined: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: telemetry.Namespace, Subsystem: "consumer", Name: "quarantined_accounts", Help: "Accounts and records in quarantine.",
		}, []string{"consumer"}),
		entries: counter("entries_total", "Entries by result: "+strings.Join(results, ", ")+".", "consumer", "result"),
		writes:  counter("writes_total", "Conditional writes by kind: "+strings.Join(writeKinds, ", ")+".", "consumer", "kind"),
	}
	if r != nil {
		r.MustRegister(m.quarantined, m.entries, m.writes)
	}
	return m
}

// counts are the counters of one consumer, looked up once: a lookup by label costs more than the
// count.
type counts struct {
	applied, duplicate, filled, skipped, unprocessable prometheus.Counter
	rowWrites                                          prometheus.Counter
	quarantined                                        prometheus.Gauge
}

// of returns a consumer's counters. It creates every series at 0: a series that begins with its
// first count shows no increase, and an alarm on the increase would miss it.
func (m *Metrics) of(consumer string) counts {
	return counts{
		applied:       m.entries.WithLabelValues(consumer, resultApplied),
		duplicate:     m.entries.WithLabelValues(consumer, resultDuplicate),
		filled:        m.entries.WithLabelValues(consumer, resultFilled),
		skipped:       m.entries.WithLabelValues(consumer, resultSkipped),
		unprocessable: m.entries.WithLabelValues(consumer, resultUnprocessable),
		rowWrites:     m.writes.WithLabelValues(consumer, writeRow),
		quarantined:   m.quarantined.WithLabelValues(consumer),
	}
}
