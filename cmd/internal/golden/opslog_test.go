package golden

import (
	"testing"
	"time"

	"passbook/shared/control"
	"passbook/shared/opslog"
	"passbook/shared/table"
)

// opsLog writes an action into the operators' log, and returns its row.
func opsLog(t *testing.T) Rendered {
	t.Helper()
	tables := controlTable(t)
	began := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	a, err := opslog.Begin(t.Context(), tables, opslog.Action{
		ID: "019ad2c4-6c1e-7a3b-9f0e-2b7d4c5e6f70", Job: "promote", Actor: "os:1000", Reason: "the rebuilt rows agree", Params: `{"model":"balance"}`, At: began,
	})
	if err == nil {
		err = a.End(t.Context(), tables, opslog.Outcome{State: opslog.Done, At: began.Add(4120 * time.Millisecond)})
	}
	if err != nil {
		t.Fatal(err)
	}
	row, err := tables.Get(t.Context(), control.Name, table.Key{PK: "opslog", SK: a.ID}, true)
	if err != nil {
		t.Fatal(err)
	}
	return Render(control.Name, row)
}
