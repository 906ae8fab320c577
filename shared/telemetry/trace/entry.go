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

// The first byte, in an entry's hash, of the ids of its put and of its publish.
const (
	putFrom     = 16
	publishFrom = 24
)

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
		t.database, semconv.DBOperationName("put"), semconv.DBCollectionName("journal"),
		attribute.Int64("passbook.version.first", e.First), attribute.Int64("passbook.version.last", e.Last),
		attribute.Int("passbook.commands", len(e.Commands)))
}

// publishOf returns the context of an entry's publish, which any process can name.
func (t *Tracer) publishOf(h event.Hash) otlp.SpanContext { return t.contextOf(h, publishFrom) }

// at returns a context in which the next span is of an entry's trace, in a parent. A zero id is
// random.
func at(parent otlp.SpanContext, id otlp.SpanID) context.Context {
	ctx := context.WithValue(context.Background(), givenKey{}, &givenIDs{trace: parent.TraceID(), span: id})
	return otlp.ContextWithRemoteSpanContext(ctx, parent)
}

// Record is where the stream has an entry.
type Record struct{ Stream, Shard, Sequence string }

// Published exports the span of an entry's way to the stream: it was queued at a moment, and the
// stream has just taken it. An entry that is published again has the span again.
func (t *Tracer) Published(h event.Hash, queued time.Time, r Record) {
	if t == nil || !t.sampled(traceOf(h)) {
		return
	}
	t.record(at(t.putOf(h), spanOf(h, publishFrom)), "publish", otlp.SpanKindProducer, queued, time.Now(), nil,
		t.messaging, semconv.MessagingOperationName("publish"), semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(r.Stream), semconv.MessagingDestinationPartitionID(r.Shard), semconv.MessagingMessageID(r.Sequence))
}

// Fold is the span of an entry that was folded into a row which is not written yet.
type Fold struct{ context otlp.SpanContext }

// Began returns now, or the zero time where nothing is exported.
func (t *Tracer) Began() (began time.Time) {
	if t != nil {
		began = time.Now()
	}
	return began
}

// Fold exports the span of an entry that a consumer has folded since a moment, and returns folds
// with it.
func (t *Tracer) Fold(folds []Fold, consumer string, h event.Hash, began time.Time) []Fold {
	if t == nil || !t.sampled(traceOf(h)) {
		return folds
	}
	return append(folds, Fold{t.record(at(t.publishOf(h), otlp.SpanID{}), "fold "+consumer, otlp.SpanKindConsumer, began, time.Now(), nil,
		t.messaging, semconv.MessagingOperationName("fold"), semconv.MessagingOperationTypeProcess, semconv.MessagingConsumerGroupName(consumer),
	)})
}

// Wrote exports, for each entry that was folded into a row, the span of the row's write, which
// began at a moment and has just ended. Entries that share a write have the same times.
func (t *Tracer) Wrote(folds []Fold, consumer string, version int64, began time.Time) {
	if len(folds) == 0 {
		return
	}
	ended := time.Now()
	for _, f := range folds {
		t.record(at(f.context, otlp.SpanID{}), "row "+consumer, otlp.SpanKindClient, began, ended, nil,
			t.database, semconv.DBOperationName("put"), attribute.Int64("passbook.version", version), attribute.Int("passbook.entries", len(folds)))
	}
}
