package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	otlp "go.opentelemetry.io/otel/trace"

	"passbook/shared/event"
)

// maxCauses bounds the requests that a put links to; an entry has at most event.MaxCommands.
const maxCauses = 128

// traceOf returns the id of an entry's trace.
func traceOf(h event.Hash) (id otlp.TraceID) {
	copy(id[:], h[:16])
	return id
}

// spanOf returns an id that is eight bytes of an entry's hash.
func spanOf(h event.Hash, from int) (id otlp.SpanID) {
	copy(id[:], h[from:from+8])
	return id
}

// putFrom is the first byte, in an entry's hash, of the id of its put.
const putFrom = 16

// TraceID returns the id of an entry's trace, as a log line has it.
func TraceID(h event.Hash) string { return traceOf(h).String() }

// putOf returns the context of an entry's put, which any process can name.
func (t *Tracer) putOf(h event.Hash) otlp.SpanContext { return t.contextOf(h, putFrom) }

func (t *Tracer) contextOf(h event.Hash, from int) otlp.SpanContext {
	c := otlp.SpanContextConfig{TraceID: traceOf(h), SpanID: spanOf(h, from), Remote: true}
	if t.sampled(c.TraceID) {
		c.TraceFlags = otlp.FlagsSampled
	}
	return otlp.NewSpanContext(c)
}

// Put exports the span of an entry's commit, which began at a moment and has just ended. causes are
// the spans of its commands, some of which may be nil.
func (t *Tracer) Put(e *event.Entry, causes []*Span, began time.Time) {
	if t == nil || !t.sampled(traceOf(e.Hash)) {
		return
	}
	var links []otlp.Link
	for _, s := range causes {
		if s != nil && len(links) < maxCauses {
			links = append(links, otlp.Link{SpanContext: s.context})
		}
	}
	root := context.WithValue(context.Background(), givenKey{}, &givenIDs{trace: traceOf(e.Hash), span: spanOf(e.Hash, putFrom)})
	t.record(root, "put", otlp.SpanKindClient, began, time.Now(), links,
		semconv.DBOperationName("put"), semconv.DBCollectionName("journal"),
		attribute.Int64("passbook.version.first", e.First), attribute.Int64("passbook.version.last", e.Last),
		attribute.Int("passbook.commands", len(e.Commands)))
}
