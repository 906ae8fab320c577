package trace_test

import (
	"context"
	"log/slog"
	"net/http"
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
	entryTrace = "100102030405060708090a0b0c0d0e0f"
	entryPut   = "2011121314151617"
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
	trace.From(trace.With(ctx, span)).Caused(entry, false)
	tracer.Put(entry, nil, began)
	span.End(trace.Answered{})
}

func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	ctx, header, began := context.Background(), http.Header{}, time.Now()
	for b.Loop() {
		all(ctx, nil, header, began)
	}
}
