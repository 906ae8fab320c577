package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	otlp "go.opentelemetry.io/otel/trace"
)

// closeMost bounds the export of what waits when the process ends.
const closeMost = 3 * time.Second

// Config is what a Tracer needs. Log and Metrics are required.
type Config struct {
	// Service is the name of the program, which OTEL_SERVICE_NAME replaces, and Version its own.
	Service, Version string
	// Instance tells the processes of a service apart.
	Instance string
	// OnAWS says that the tables and streams are DynamoDB's and Kinesis's, not in this process.
	OnAWS bool
	// Log takes failures of the exporter, and Metrics counts spans.
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Tracer exports the spans of one process. A nil Tracer exports none. It is safe for concurrent
// use.
type Tracer struct {
	provider *sdk.TracerProvider
	spans    otlp.Tracer
	entries  sdk.Sampler
	// database and messaging say on which systems the tables and streams are.
	database, messaging attribute.KeyValue
	// Endpoint is where the spans go.
	Endpoint string
}

// Check returns why the process's variables of OpenTelemetry cannot be used, nil if they can.
func Check() error {
	_, err := read(os.Getenv)
	return err
}

// Open returns the Tracer that the process's variables of OpenTelemetry ask for: nil, and no error,
// if they ask for none. Their names and values are those of OpenTelemetry; the library reads most
// of them itself, from the process's environment, and so they have no flags.
func Open(ctx context.Context, c Config) (*Tracer, error) {
	s, err := read(os.Getenv)
	if err != nil {
		return nil, err
	}
	counts := newCounts(c.Metrics)
	if !s.on {
		return nil, nil
	}
	otel.SetLogger(logr.FromSlogHandler(c.Log.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if !errors.Is(err, errReported) {
			c.Log.Warn("OpenTelemetry reported an error", "error", err)
		}
	}))
	out, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: OTEL_EXPORTER_OTLP_ENDPOINT %q: %w", ErrConfig, s.endpoint, err)
	}
	of, err := describe(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%w: OTEL_RESOURCE_ATTRIBUTES: %w", ErrConfig, err)
	}
	counts.queue = s.queue
	exporting := &exporter{SpanExporter: out, counts: counts, log: c.Log, endpoint: s.endpoint}
	provider := sdk.NewTracerProvider(
		sdk.WithResource(of), sdk.WithIDGenerator(ids{}), sdk.WithSampler(sampler{s.requests}),
		sdk.WithSpanProcessor(&gate{SpanProcessor: sdk.NewBatchSpanProcessor(exporting, sdk.WithMaxQueueSize(int(s.queue))), counts: counts}),
	)
	t := &Tracer{
		provider: provider, spans: provider.Tracer("passbook"), entries: s.entries, Endpoint: s.endpoint,
		database: semconv.DBSystemNameKey.String("pebble"), messaging: semconv.MessagingSystemKey.String("passbook"),
	}
	if c.OnAWS {
		t.database, t.messaging = semconv.DBSystemNameAWSDynamoDB, semconv.MessagingSystemKey.String("aws.kinesis")
	}
	return t, nil
}

// describe returns what every span says of its process.
func describe(ctx context.Context, c Config) (*resource.Resource, error) {
	return resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(c.Service), semconv.ServiceVersion(c.Version), semconv.ServiceInstanceID(c.Instance)),
		resource.WithFromEnv()) // last, as it has the last word
}

// Close exports what waits, for a bounded time, and ends the exporter.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeMost)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, errReported) {
		return fmt.Errorf("export the last spans to %s: %w", t.Endpoint, err)
	}
	return nil
}

// sampler decides about spans that follow their caller. Those whose ids are given were decided by
// their trace id before.
type sampler struct{ sdk.Sampler }

// ShouldSample decides about one span.
func (s sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if given(p.ParentContext) != nil {
		return sdk.SamplingResult{Decision: sdk.RecordAndSample, Tracestate: otlp.SpanContextFromContext(p.ParentContext).TraceState()}
	}
	return s.Sampler.ShouldSample(p)
}

// sampled reports whether the spans of a trace are exported, by its id alone.
func (t *Tracer) sampled(id otlp.TraceID) bool {
	return t.entries.ShouldSample(sdk.SamplingParameters{ParentContext: context.Background(), TraceID: id}).Decision == sdk.RecordAndSample
}

// record exports a span that has ended, and returns its context. at has its ids and its parent.
func (t *Tracer) record(at context.Context, name string, kind otlp.SpanKind, began, ended time.Time, links []otlp.Link, attributes ...attribute.KeyValue) otlp.SpanContext {
	_, span := t.spans.Start(at, name, otlp.WithSpanKind(kind), otlp.WithTimestamp(began), otlp.WithLinks(links...), otlp.WithAttributes(attributes...))
	span.End(otlp.WithTimestamp(ended))
	return span.SpanContext()
}
