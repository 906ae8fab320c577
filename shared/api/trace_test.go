package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/journal"
	"passbook/shared/telemetry/trace"
	"passbook/shared/telemetry/tracetest"
	"passbook/shared/web"
)

func TestEachLineOfBulkIsASpanOfItsRequest(t *testing.T) {
	collector := tracetest.New(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracer, err := trace.Open(t.Context(), trace.Config{Service: "test", Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	server := New(Config{Web: web.Config{Service: "test", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Tracer: tracer}})
	server.Operations(doing("pay", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		if to.Account.ID == "B" {
			return rejected("insufficient-funds"), nil
		}
		return receipt(to), nil
	}))
	request := httptest.NewRequest(http.MethodPost, "/v1/bulk", strings.NewReader(
		`{"op":"pay","idempotency_key":"1","account_id":"A"}`+"\n"+`{"op":"pay","idempotency_key":"2","account_id":"B"}`+"\n"))
	request.Header.Set("Content-Type", mediaLines)
	server.Handler().ServeHTTP(httptest.NewRecorder(), request)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, lines := collector.Named("POST /v1/bulk"), collector.Named("command pay")
	if len(whole) != 1 || len(lines) != 2 {
		t.Fatalf("received %+v", collector.Spans())
	}
	linked := 0
	for _, line := range lines {
		if line.Trace != whole[0].Trace || line.Parent != whole[0].Span {
			t.Errorf("%+v is not in %+v", line, whole[0])
		}
		linked += len(line.Links)
		if refused := line.Attributes["passbook.problem.code"]; (refused == "insufficient-funds") != (len(line.Links) == 0) {
			t.Errorf("the line with the code %q has the links %v", refused, line.Links)
		}
	}
	if linked != 1 {
		t.Errorf("%d lines link to a put", linked)
	}
}
