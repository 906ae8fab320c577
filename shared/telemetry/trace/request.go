package trace

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	otlp "go.opentelemetry.io/otel/trace"

	"passbook/shared/event"
	"passbook/shared/telemetry"
)

// Span is a request, or a command in it. A nil Span is of a process that exports none, and of a
// caller that has no trace.
type Span struct {
	context otlp.SpanContext
	// span and tracer are nil where only the caller has a trace.
	span   otlp.Span
	tracer *Tracer
}

// headerParent is the header by which a caller names its trace, as net/http spells it.
const headerParent = "Traceparent"

// Request begins the span of a request that came at a moment. Its caller's trace is continued. It
// returns nil, and allocates nothing, when there is neither a Tracer nor a caller's trace; without
// a Tracer the Span only names the caller's trace, for the log.
func (t *Tracer) Request(ctx context.Context, h http.Header, began time.Time) *Span {
	if t == nil && len(h[headerParent]) == 0 {
		return nil
	}
	return t.begin(ctx, propagation.HeaderCarrier(h), "request", began)
}

// Continue begins the span of a command that another process of the bank sent, with its Parent. It
// returns nil as Request does.
func (t *Tracer) Continue(ctx context.Context, parent string) (context.Context, *Span) {
	if parent == "" {
		return ctx, nil
	}
	s := t.begin(ctx, propagation.MapCarrier{"traceparent": parent}, "command", time.Now())
	return With(ctx, s), s
}

func (t *Tracer) begin(ctx context.Context, from propagation.TextMapCarrier, name string, began time.Time) *Span {
	ctx = propagation.TraceContext{}.Extract(ctx, from)
	if t == nil {
		if caller := otlp.SpanContextFromContext(ctx); caller.IsValid() {
			return &Span{context: caller}
		}
		return nil
	}
	_, span := t.spans.Start(ctx, name, otlp.WithSpanKind(otlp.SpanKindServer), otlp.WithTimestamp(began))
	return &Span{context: span.SpanContext(), span: span, tracer: t}
}

// With returns a context whose work, and whose log lines, belong to a span.
func With(ctx context.Context, s *Span) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, telemetry.SpanKey{}, s)
}

// From returns the span of a context, nil if it has none.
func From(ctx context.Context) *Span {
	s, _ := ctx.Value(telemetry.SpanKey{}).(*Span)
	return s
}

// IDs returns the ids of the trace and of the span, as a log line has them.
func (s *Span) IDs() (trace, span string) {
	if s == nil {
		return "", ""
	}
	return s.context.TraceID().String(), s.context.SpanID().String()
}

// Parent returns the traceparent for a call to another process; empty for none.
func (s *Span) Parent() string {
	if s == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(otlp.ContextWithSpanContext(context.Background(), s.context), carrier)
	return carrier["traceparent"]
}

// Command begins the span of one of several commands of a request, such as a line of bulk, by the
// name of its operation.
func (s *Span) Command(ctx context.Context, op string) (context.Context, *Span) {
	if s == nil || s.tracer == nil {
		return ctx, nil
	}
	_, span := s.tracer.spans.Start(otlp.ContextWithSpan(ctx, s.span), "command "+op)
	c := &Span{context: span.SpanContext(), span: span, tracer: s.tracer}
	return With(ctx, c), c
}

// recording reports whether the span is exported.
func (s *Span) recording() bool { return s != nil && s.span != nil && s.span.IsRecording() }

// Caused links the span to the put of the entry that it caused; replayed says that an earlier
// request with the same key did. As many links are kept as OTEL_SPAN_LINK_COUNT_LIMIT says.
func (s *Span) Caused(e *event.Entry, replayed bool) {
	if !s.recording() || e == nil {
		return
	}
	s.span.AddLink(otlp.Link{
		SpanContext: s.tracer.putOf(e.Hash),
		Attributes:  []attribute.KeyValue{attribute.Bool("passbook.replayed", replayed)},
	})
}

// Answered is what a request came to.
type Answered struct {
	Method, Route string
	Status        int
	// Code is that of the problem, empty for none.
	Code string
	// CorrelationID is the request's.
	CorrelationID string
}

// End exports the span of a request.
func (s *Span) End(a Answered) {
	if !s.recording() {
		return
	}
	s.span.SetName(a.Method + " " + a.Route)
	s.span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(a.Method), semconv.HTTPRoute(a.Route), semconv.HTTPResponseStatusCode(a.Status),
		attribute.String("passbook.correlation_id", a.CorrelationID))
	s.finish(a.Code, a.Status)
}

// EndCommand exports the span of a command, with the code of its problem, empty for none.
func (s *Span) EndCommand(code string, status int) {
	if s.recording() {
		s.finish(code, status)
	}
}

func (s *Span) finish(code string, status int) {
	if code != "" {
		s.span.SetAttributes(attribute.String("passbook.problem.code", code))
	}
	if status >= http.StatusInternalServerError {
		s.span.SetAttributes(semconv.ErrorTypeKey.String(code))
		s.span.SetStatus(codes.Error, code)
	}
	s.span.End()
}

// OfEntry returns a context whose log lines have the entry's trace and its first command's
// correlation id, unless they have those of a request already. The trace is named whether or not it
// is exported: its id follows from the entry.
func OfEntry(ctx context.Context, e *event.Entry) context.Context {
	if e == nil || telemetry.Correlation(ctx) != "" {
		return ctx
	}
	if len(e.Commands) > 0 {
		ctx = telemetry.WithCorrelation(ctx, e.Commands[0].CorrelationID)
	}
	return With(ctx, &Span{context: otlp.NewSpanContext(otlp.SpanContextConfig{TraceID: traceOf(e.Hash), SpanID: spanOf(e.Hash, putFrom)})})
}
