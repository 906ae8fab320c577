package storetest

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/faults"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// Store is an embedded engine in memory. Its ports are decorated, so that a test can make them
// fail; they do not until they are told to.
type Store struct {
	DB      *embedded.DB
	Table   *faults.Table
	Streams *faults.Stream
}

// Memory opens an engine that lasts until the test ends. It has tables of these schemas, no stream,
// and does not sync. It fails the test if the engine does not open or close.
func Memory(t testing.TB, streams pebblestream.Options, schemas ...table.Schema) *Store {
	t.Helper()
	db, err := embedded.Open(embedded.Options{
		Dir: "data", FS: vfs.NewMem(), NoSync: true, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	rows, err := pebbletable.New(db, schemas...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := pebblestream.New(db, streams)
	if err != nil {
		t.Fatal(err)
	}
	return &Store{DB: db, Table: faults.NewTable(rows), Streams: faults.NewStream(s)}
}
