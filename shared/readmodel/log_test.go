package readmodel

import (
	"bytes"
	"encoding/json"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/telemetry"
	"passbook/shared/telemetry/trace"
)

func TestTheLineOfAQuarantineNamesTheEntrysTraceAndItsRequest(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(5, 1, 20)
	b.journal.commit(entries...)
	bad := entries[len(entries)/2]
	p := b.projection(failingModel(func(_ account.State, e event.Event) bool { return e.Version == bad.First }), 1)
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, telemetry.LogOptions{Format: "json"})
	b.must(err)
	p.log = log
	b.handle(p, deliveries(t, entries...))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	if line["trace_id"] != trace.TraceID(bad.Hash) || line["correlation_id"] != bad.Commands[0].CorrelationID {
		t.Errorf("the line is %v; the entry's trace is %s, its commands are %+v", line, trace.TraceID(bad.Hash), bad.Commands)
	}
}
