package trace

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	otlp "go.opentelemetry.io/otel/trace"
)

// ids gives a span the ids that its context has, and others random ones.
type ids struct{}

// givenKey is the key of *givenIDs in a context.
type givenKey struct{}

// givenIDs are the ids of the span that begins next. A zero span is to get a random id.
type givenIDs struct {
	trace otlp.TraceID
	span  otlp.SpanID
}

func given(ctx context.Context) *givenIDs {
	g, _ := ctx.Value(givenKey{}).(*givenIDs)
	return g
}

// NewIDs returns the ids of a span that begins a trace.
func (ids) NewIDs(ctx context.Context) (otlp.TraceID, otlp.SpanID) {
	g := given(ctx)
	if g == nil {
		g = &givenIDs{}
		binary.BigEndian.PutUint64(g.trace[:8], rand.Uint64())
		binary.BigEndian.PutUint64(g.trace[8:], rand.Uint64()|1)
	}
	return g.trace, spanID(g)
}

// NewSpanID returns the id of a span within a trace.
func (ids) NewSpanID(ctx context.Context, _ otlp.TraceID) otlp.SpanID {
	g := given(ctx)
	if g == nil {
		g = &givenIDs{}
	}
	return spanID(g)
}

// spanID returns the id that is given, else a random one. None is zero, which is not an id.
func spanID(g *givenIDs) otlp.SpanID {
	id := g.span
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
