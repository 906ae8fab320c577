package pebbletable_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
	"passbook/shared/table/tabletest"
)

func openDB(t testing.TB, o embedded.Options) *embedded.DB {
	t.Helper()
	o.Dir = "data"
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	db, err := embedded.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openTable(t testing.TB, db *embedded.DB) *pebbletable.Table {
	t.Helper()
	tab, err := pebbletable.New(db, tabletest.Schemas()...)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestContract(t *testing.T) {
	tabletest.Run(t, func(t testing.TB) (first, second table.Table) {
		db := openDB(t, embedded.Options{NoSync: true})
		return openTable(t, db), openTable(t, db)
	})
}
