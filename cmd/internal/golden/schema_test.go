package golden

import (
	"log/slog"
	"strings"
	"testing"

	"passbook/shared/api/schemas/schematest"
	"passbook/shared/journal"
	"passbook/shared/journal/rowkey"
	"passbook/shared/platform"
	"passbook/shared/table"
)

// TestEveryRecordIsValid makes the record of every entry in the journals of the golden directories,
// and validates it. The streams themselves have forgotten theirs: they keep a record for a day.
func TestEveryRecordIsValid(t *testing.T) {
	for _, directory := range All {
		records := 0
		for row, err := range table.ScanRows(t.Context(), opened(t, Unpack(t, directory)).Table, table.Scan{Table: "journal", Of: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(row.SK, "E#") {
				continue
			}
			entry, err := rowkey.Parse(row)
			if err != nil {
				t.Fatal(err)
			}
			_, published, err := entry.Published()
			if err != nil {
				t.Fatal(err)
			}
			schematest.Validate(t, schematest.Entry, published.Record)
			records++
		}
		if records == 0 {
			t.Errorf("%s has no entry", directory)
		}
	}
}

// opened returns the stores of a data directory that no program has open.
func opened(t *testing.T, dir string) *platform.Engine {
	t.Helper()
	c, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := platform.Open(t.Context(), c, platform.Resources{Tables: journal.Schemas}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

// TestTheExamplesAreValid validates the records that the document shows.
func TestTheExamplesAreValid(t *testing.T) {
	d := document(t)
	schematest.Validate(t, schematest.Entry, block(t, d, "Record", "json"))
	schematest.Validate(t, schematest.Notification, block(t, d, "Notification", "json"))
}
