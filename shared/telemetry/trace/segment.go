package trace

import (
	"context"
	"crypto/sha256"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	otlp "go.opentelemetry.io/otel/trace"

	"passbook/shared/event"
)

// maxEntries bounds the entries that a segment links to.
const maxEntries = 128

// Segment is the span of a segment of the archive that is being filled. A nil Segment exports
// nothing. One goroutine uses it at a time.
type Segment struct {
	tracer *Tracer
	id     *givenIDs
	shard  string
	began  time.Time
	links  []otlp.Link
}

// Segment begins the span of the segment that follows a sequence number in a shard, "" for its
// first one. The ids follow from these two, so that an archiver that begins the segment again adds
// to the same trace.
func (t *Tracer) Segment(bank, source, after string) *Segment {
	if t == nil {
		return nil
	}
	sum := sha256.Sum256([]byte("segment\n" + bank + "\n" + source + "\n" + after))
	return &Segment{tracer: t, shard: source, id: &givenIDs{trace: traceOf(sum), span: spanOf(sum, putFrom)}}
}

// Add exports the span of an entry that went into the segment, and links the two. arrived is when
// the entry came to the stream, by the stream's clock.
func (s *Segment) Add(h event.Hash, arrived time.Time) {
	if s == nil || !s.tracer.sampled(traceOf(h)) {
		return
	}
	now := time.Now()
	if s.began.IsZero() {
		s.began = now
	}
	if arrived.After(now) {
		arrived = now
	}
	segment := otlp.NewSpanContext(otlp.SpanContextConfig{TraceID: s.id.trace, SpanID: s.id.span, TraceFlags: otlp.FlagsSampled})
	made := s.tracer.record(at(s.tracer.publishOf(h), otlp.SpanID{}), "archive", otlp.SpanKindConsumer, arrived, now, []otlp.Link{{SpanContext: segment}},
		s.tracer.messaging, semconv.MessagingOperationName("archive"), semconv.MessagingOperationTypeProcess, semconv.MessagingConsumerGroupName("archiver"))
	if len(s.links) < maxEntries {
		s.links = append(s.links, otlp.Link{SpanContext: made})
	}
}

// Sealed exports the segment's span: it is in the bucket, under a key. A segment without an entry
// that is exported has none.
func (s *Segment) Sealed(key string, entries, rows int64, bytes int) {
	if s == nil || len(s.links) == 0 {
		return
	}
	s.tracer.record(context.WithValue(context.Background(), givenKey{}, s.id), "segment", otlp.SpanKindClient, s.began, time.Now(), s.links,
		attribute.String("passbook.segment", key), attribute.String("passbook.shard", s.shard),
		attribute.Int64("passbook.entries", entries), attribute.Int64("passbook.rows", rows), attribute.Int("passbook.bytes", bytes))
}
