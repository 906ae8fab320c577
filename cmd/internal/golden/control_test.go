package golden

import (
	"testing"

	"passbook/shared/control"
	"passbook/shared/embedded"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// controlTable returns an empty control table, which is gone when the test ends.
func controlTable(t *testing.T) table.Table {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tables, err := pebbletable.New(db, control.Schema)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}
