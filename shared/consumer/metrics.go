package consumer

import (
	"errors"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/event"
	"passbook/shared/telemetry"
)

// The steps at which an attempt may fail and is repeated.
const (
	stepSnapshot  = "survey"
	stepLease     = "lease"
	stepHandle    = "handle"
	stepThrottled = "throttled"
	stepHeal      = "heal"
	stepMaintain  = "tend"
)

// What becomes of a lease.
const (
	moveAcquired = "acquired"
	moveHanded   = "handed"
	moveLost     = "lost"
	moveStalled  = "stalled"
)

var (
	steps = []string{stepSnapshot, stepLease, stepHandle, stepThrottled, stepHeal, stepMaintain}
	moves = []string{moveAcquired, moveHanded, moveLost, moveStalled}
)

// Metrics counts what the workers of a process do, by consumer. It may be used concurrently.
type Metrics struct {
	lag        *prometheus.GaugeVec
	leases     *prometheus.GaugeVec
	failures   *prometheus.CounterVec
	leaseMoves *prometheus.CounterVec
	holes      *prometheus.CounterVec
	foreign    *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them on r; a nil r registers nothing.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: telemetry.Namespace, Subsystem: "consumer", Name: name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: telemetry.Namespace, Subsystem: "consumer", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		lag:        gauge("lag_seconds", "Time between the end of the last batch and the tip of its shard.", "consumer", "shard"),
		leases:     gauge("leases", "Shards whose lease this process has.", "consumer"),
		failures:   counter("failures_total", "Attempts that failed and were repeated, by step: "+strings.Join(steps, ", ")+".", "consumer", "step"),
		leaseMoves: counter("lease_moves_total", "Leases taken and given up, by move: "+strings.Join(moves, ", ")+".", "consumer", "move"),
		holes:      counter("holes_total", "Ranges of a shard whose records were gone before they were read.", "consumer"),
		foreign:    counter("foreign_records_total", "Records of the stream that no program of the bank made.", "consumer"),
	}
	if r != nil {
		r.MustRegister(m.lag, m.leases, m.failures, m.leaseMoves, m.holes, m.foreign)
	}
	return m
}

// declare creates every series of a consumer at 0: a series that begins with its first count shows
// no increase, and an alarm on the increase would miss it.
func (m *Metrics) declare(consumer string) {
	m.leases.WithLabelValues(consumer)
	m.holes.WithLabelValues(consumer)
	m.foreign.WithLabelValues(consumer)
	for _, step := range steps {
		m.failures.WithLabelValues(consumer, step)
	}
	for _, move := range moves {
		m.leaseMoves.WithLabelValues(consumer, move)
	}
}

// countForeign counts the foreign records of a batch that was processed.
func (w *Worker) countForeign(deliveries []Delivery) {
	for i := range deliveries {
		if errors.Is(deliveries[i].Err, event.ErrForeign) {
			w.runtime.Metrics.foreign.WithLabelValues(w.config.Name).Inc()
		}
	}
}
