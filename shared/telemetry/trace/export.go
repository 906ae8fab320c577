package trace

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"passbook/shared/telemetry"
)

// errReported is the error of an export that is counted and logged already.
var errReported = errors.New("trace: the export failed")

// counts are the spans of the process by what became of them.
type counts struct {
	queue                     int64 // bounds those that wait
	waiting                   atomic.Int64
	exported, failed, dropped atomic.Int64
}

// newCounts registers the metrics, which are there at zero while nothing is exported.
func newCounts(r prometheus.Registerer) *counts {
	c := &counts{}
	const help = "Spans of traces, by what became of them: exported, failed (the collector did not take them), dropped (the queue was full)."
	for outcome, n := range map[string]*atomic.Int64{"exported": &c.exported, "failed": &c.failed, "dropped": &c.dropped} {
		telemetry.Counter(r, "trace_spans_total", help, func() float64 { return float64(n.Load()) }, "outcome", outcome)
	}
	telemetry.Gauge(r, "trace_spans_waiting", "Spans that wait for the export of traces.", func() float64 { return float64(c.waiting.Load()) })
	return c
}

// gate bounds the spans that wait for the exporter, and counts those that find no room.
type gate struct {
	sdk.SpanProcessor
	counts *counts
}

// OnEnd passes a span to the exporter's queue.
func (g *gate) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if g.counts.waiting.Add(1) > g.counts.queue {
		g.counts.waiting.Add(-1)
		g.counts.dropped.Add(1)
		return
	}
	g.SpanProcessor.OnEnd(s)
}

// exporter counts and logs failures of the one within it.
type exporter struct {
	sdk.SpanExporter
	counts   *counts
	log      *slog.Logger
	endpoint string
}

// ExportSpans exports a batch. The library repeats an attempt that may succeed later, for at most
// a minute; after that the batch is lost.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	n := int64(len(spans))
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.counts.waiting.Add(-n)
	if err == nil {
		e.counts.exported.Add(n)
		return nil
	}
	e.counts.failed.Add(n)
	e.log.Warn("spans were not exported and are lost; commands are not affected", "endpoint", e.endpoint, "spans", n, "error", err)
	return errReported
}
