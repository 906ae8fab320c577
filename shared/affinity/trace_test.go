package affinity

import (
	"context"
	"net/http"
	"testing"
	"time"

	"passbook/shared/journal"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

func TestACommandOfAnotherWriterIsInItsCallersTrace(t *testing.T) {
	const callers = "4bf92f3577b34da6a3ce929d0e0e4736"
	var traceID, correlation string
	to := counter(t, func(ctx context.Context, _ journal.Command) (journal.Receipt, error) {
		traceID, _ = trace.From(ctx).IDs()
		correlation = telemetry.Correlation(ctx)
		return journal.Receipt{}, web.Refuse(insufficientFunds)
	})
	client := NewClient(bankKey)
	defer client.Close()
	var off *trace.Tracer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx = trace.With(ctx, off.Request(ctx, http.Header{"Traceparent": {"00-" + callers + "-00f067aa0ba902b7-01"}}, time.Now()))
	if _, err := client.Send(ctx, to, command()); err != nil {
		t.Fatal(err)
	}
	if traceID != callers || correlation != "c-1" {
		t.Errorf("the command has the trace %q and the correlation id %q", traceID, correlation)
	}
}
