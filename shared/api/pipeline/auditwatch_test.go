package pipeline

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"passbook/shared/control"
	"passbook/shared/opslog"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

// The metrics have the audit that counts: a difference stays until an audit of as much is clean.
func TestLastAuditIsMeasured(t *testing.T) {
	tables := storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
	registry := prometheus.NewRegistry()
	w := WatchAudits(tables, registry, slog.New(slog.DiscardHandler))
	for _, step := range []struct {
		exit int64
		want string
	}{{-1, ""}, {0, "equal"}, {3, "different"}, {1, "different"}, {0, "equal"}, {1, "failed"}} {
		if step.exit >= 0 {
			a, err := opslog.Begin(t.Context(), tables, opslog.Action{Job: "audit", Actor: "os:0"})
			if err != nil {
				t.Fatal(err)
			}
			state := opslog.Done
			if step.exit != 0 {
				state = opslog.Failed
			}
			if err := a.End(t.Context(), tables, opslog.Outcome{State: state, ExitCode: step.exit}); err != nil {
				t.Fatal(err)
			}
		}
		w.last = lastAudit{} // a minute later
		w.read(t.Context())
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "passbook_audit_last_result" && m.GetGauge().GetValue() == 1 {
					got = append(got, m.GetLabel()[0].GetValue())
				}
			}
			if at := f.GetMetric()[0].GetGauge().GetValue(); f.GetName() == "passbook_audit_last_seconds" && (at == 0) != (step.want == "") {
				t.Errorf("after exit code %d the last audit was at %v", step.exit, at)
			}
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("after exit code %d: %v, not %q", step.exit, got, step.want)
		}
	}
	if n := testutil.CollectAndCount(registry, "passbook_audit_last_result"); n != 3 {
		t.Errorf("%d results", n)
	}
}
