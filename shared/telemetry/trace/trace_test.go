package trace_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/event"
	"passbook/shared/telemetry/trace"
	"passbook/shared/telemetry/tracetest"
)

// open opens a Tracer with the variables, which come in pairs.
func open(t *testing.T, variables ...string) (*trace.Tracer, error) {
	t.Helper()
	for i := 0; i+1 < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
	return trace.Open(t.Context(), trace.Config{Service: "bank", Version: "1", Instance: "here", Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
}

// exporting opens a Tracer that exports to a Receiver, and returns what ends it.
func exporting(t *testing.T, variables ...string) (*trace.Tracer, *tracetest.Receiver, func()) {
	t.Helper()
	r := tracetest.New(t)
	tracer, err := open(t, append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT", r.URL}, variables...)...)
	if err != nil {
		t.Fatal(err)
	}
	return tracer, r, func() {
		if err := tracer.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

var entry = &event.Entry{First: 7, Last: 8, Hash: event.Hash{
	0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	0x20, 17, 18, 19, 20, 21, 22, 23,
	0x30, 25, 26, 27, 28, 29, 30, 31,
}}

const (
	entryTrace   = "100102030405060708090a0b0c0d0e0f"
	entryPut     = "2011121314151617"
	entryPublish = "30191a1b1c1d1e1f"
)

const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestARequestAndThePutItCausedLinkToEachOther(t *testing.T) {
	tracer, received, end := exporting(t)
	request := tracer.Request(t.Context(), http.Header{"Traceparent": {caller}}, time.Now())
	tracer.Put(entry, []*trace.Span{request, nil}, time.Now())
	request.Caused(entry, false)
	request.End(trace.Answered{Method: "POST", Route: "/v1/withdrawals", Status: 201, CorrelationID: "c-1"})
	end()
	asked, put := received.Named("POST /v1/withdrawals"), received.Named("put")
	if len(asked) != 1 || len(put) != 1 {
		t.Fatalf("received %+v", received.Spans())
	}
	if asked[0].Trace != "4bf92f3577b34da6a3ce929d0e0e4736" || asked[0].Parent != "00f067aa0ba902b7" {
		t.Errorf("the request is not in its caller's trace: %+v", asked[0])
	}
	if want := (tracetest.Link{Trace: entryTrace, Span: entryPut}); put[0].Link != want || put[0].Parent != "" {
		t.Errorf("the put is %+v, not the root %+v", put[0], want)
	}
	if len(asked[0].Links) != 1 || asked[0].Links[0] != put[0].Link || len(put[0].Links) != 1 || put[0].Links[0] != asked[0].Link {
		t.Errorf("the links are %v and %v", asked[0].Links, put[0].Links)
	}
}

func TestATracerThatIsOffAllocatesNothing(t *testing.T) {
	tracer, err := open(t)
	if tracer != nil || err != nil {
		t.Fatalf("no variable is set, and Open returned %v, %v", tracer, err)
	}
	ctx, header, began := context.Background(), http.Header{}, time.Now()
	if n := testing.AllocsPerRun(1000, func() { all(ctx, tracer, header, began) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// all calls what a withdrawal calls on its way.
func all(ctx context.Context, tracer *trace.Tracer, header http.Header, began time.Time) {
	span := tracer.Request(ctx, header, began)
	_, line := trace.From(trace.With(ctx, span)).Command(ctx, "command")
	line.Caused(entry, false)
	line.EndCommand("", 0)
	tracer.Put(entry, nil, began)
	tracer.Published(entry.Hash, began, trace.Record{Stream: "events", Shard: "s-1", Sequence: "1"})
	folds := tracer.Fold(nil, "balance@1", entry.Hash, tracer.Began())
	tracer.Wrote(folds, "balance@1", entry.Last, tracer.Began())
	segment := tracer.Segment("b", "events-1/s-1", "")
	segment.Add(entry.Hash, began)
	segment.Sealed("key", 1, 2, 3)
	span.End(trace.Answered{Method: "POST", Route: "/v1/withdrawals", Status: 201})
}

func TestEachStepOfAnEntryIsInTheOneBefore(t *testing.T) {
	tracer, received, end := exporting(t)
	all(t.Context(), tracer, http.Header{}, time.Now())
	end()
	one := func(name string) tracetest.Span {
		t.Helper()
		found := received.Named(name)
		if len(found) != 1 {
			t.Fatalf("%d spans %q in %+v", len(found), name, received.Spans())
		}
		return found[0]
	}
	parent := one("put")
	for _, name := range []string{"publish", "fold balance@1", "row balance@1"} {
		step := one(name)
		if step.Trace != entryTrace || step.Parent != parent.Span {
			t.Errorf("%s is %+v, not in %+v", name, step, parent)
		}
		parent = step
	}
	if got := one("publish").Span; got != entryPublish {
		t.Errorf("the publish is %s, not %s", got, entryPublish)
	}
	archive, segment := one("archive"), one("segment")
	if archive.Parent != entryPublish || len(archive.Links) != 1 || archive.Links[0] != segment.Link || len(segment.Links) != 1 || segment.Links[0] != archive.Link {
		t.Errorf("archive %+v and segment %+v", archive, segment)
	}
}

func TestProcessesAgreeOnWhichEntriesAreTraced(t *testing.T) {
	first, received, end := exporting(t, "OTEL_TRACES_SAMPLER", "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG", "0.3")
	second, err := open(t)
	if err != nil {
		t.Fatal(err)
	}
	const entries = 200
	for n := range entries {
		hash := event.Hash(sha256.Sum256([]byte{byte(n)}))
		first.Put(&event.Entry{Hash: hash}, nil, time.Now())
		second.Published(hash, time.Now(), trace.Record{})
	}
	end()
	if err := second.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	put, published := received.Named("put"), received.Named("publish")
	if len(put) == 0 || len(put) == entries || len(put) != len(published) {
		t.Fatalf("of %d entries %d are traced by their put and %d by their publish", entries, len(put), len(published))
	}
	for i := range put {
		if published[i].Parent != put[i].Span {
			t.Errorf("the publish %v is not in the put %v", published[i], put[i])
		}
	}
}

func TestASegmentThatIsBegunAgainHasTheSameTrace(t *testing.T) {
	tracer, received, end := exporting(t)
	for range 2 {
		segment := tracer.Segment("b", "events-1/s-1", "49")
		segment.Add(entry.Hash, time.Now())
		segment.Sealed("key", 1, 1, 1)
	}
	end()
	if made := received.Named("segment"); len(made) != 2 || made[0].Link != made[1].Link {
		t.Errorf("the segments are %+v", made)
	}
}

func TestTheLinksOfASegmentAndOfAPutAreBounded(t *testing.T) {
	tracer, received, end := exporting(t)
	segment := tracer.Segment("b", "s", "")
	var causes []*trace.Span
	for range 200 {
		segment.Add(entry.Hash, time.Now())
		causes = append(causes, tracer.Request(t.Context(), http.Header{}, time.Now()))
	}
	segment.Sealed("key", 200, 200, 1)
	tracer.Put(entry, causes, time.Now())
	end()
	for _, name := range []string{"segment", "put"} {
		if got := len(received.Named(name)[0].Links); got != 128 {
			t.Errorf("%s has %d links", name, got)
		}
	}
}

func TestSpansThatFindTheQueueFullAreCounted(t *testing.T) {
	metrics := prometheus.NewRegistry()
	received := tracetest.New(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.URL)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
	received.Refuses.Store(http.StatusBadRequest)
	var lines strings.Builder
	tracer, err := trace.Open(t.Context(), trace.Config{Service: "bank", Log: slog.New(slog.NewTextHandler(&lines, nil)), Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		tracer.Put(entry, nil, time.Now())
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts := counted(t, metrics)
	if counts["dropped"] == 0 || counts["failed"] == 0 || counts["exported"] != 0 || counts["dropped"]+counts["failed"] != 1000 {
		t.Errorf("counted %v", counts)
	}
	if !strings.Contains(lines.String(), "spans were not exported and are lost") || strings.Contains(lines.String(), "OpenTelemetry reported") {
		t.Errorf("the log is %q", lines.String())
	}
}

// counted returns the spans by their outcome.
func counted(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "passbook_trace_spans_total" {
			for _, m := range f.GetMetric() {
				counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return counts
}

func TestVariablesTurnTracesOff(t *testing.T) {
	for _, variables := range [][]string{
		{},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1", "OTEL_SDK_DISABLED", "true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1", "OTEL_TRACES_EXPORTER", "none"},
	} {
		t.Run(strings.Join(variables, " "), func(t *testing.T) {
			if tracer, err := open(t, variables...); tracer != nil || err != nil {
				t.Errorf("Open returned %v, %v", tracer, err)
			}
		})
	}
}

func TestAVariableThatCannotBeUsedIsNamed(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL":        "grpc",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
		"OTEL_EXPORTER_OTLP_ENDPOINT":        "localhost:4318",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "ftp://localhost",
		"OTEL_TRACES_EXPORTER":               "zipkin",
		"OTEL_TRACES_SAMPLER":                "sometimes",
		"OTEL_TRACES_SAMPLER_ARG":            "150",
		"OTEL_BSP_MAX_QUEUE_SIZE":            "many",
		"OTEL_RESOURCE_ATTRIBUTES":           "team",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1")
			t.Setenv("OTEL_TRACES_SAMPLER", "traceidratio")
			tracer, err := open(t, name, value)
			if !errors.Is(err, trace.ErrConfig) || !strings.Contains(err.Error(), name) {
				t.Errorf("Open returned %v, %v", tracer, err)
			}
		})
	}
}

func TestTheQueueOfSpansIsBounded(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1")
	if _, err := open(t, "OTEL_BSP_MAX_QUEUE_SIZE", "1000001"); !errors.Is(err, trace.ErrConfig) || !strings.Contains(err.Error(), "1 to 1000000") {
		t.Errorf("Open returned %v", err)
	}
}

func TestNobodyIsShownThePasswordOfACollector(t *testing.T) {
	const password = "hunter2"
	tracer, err := open(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://bank:"+password+"@localhost:1")
	if err != nil || strings.Contains(tracer.Endpoint, password) || !strings.Contains(tracer.Endpoint, "localhost:1") {
		t.Errorf("Open returned %v, %v", tracer, err)
	}
	if _, err := open(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://bank:"+password+"@localhost"); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("Open of another scheme returned %v", err)
	}
}

func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	ctx, header, began := context.Background(), http.Header{}, time.Now()
	for b.Loop() {
		all(ctx, nil, header, began)
	}
}

// BenchmarkOn shows what a traced withdrawal costs with one read model: seven spans. Those that
// find the queue full are dropped, so it is without most of the export.
func BenchmarkOn(b *testing.B) {
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1")
	tracer, err := trace.Open(b.Context(), trace.Config{Service: "bank", Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	ctx, header, began := context.Background(), http.Header{}, time.Now()
	for b.Loop() {
		all(ctx, tracer, header, began)
	}
}
