package pebbletable_test

import (
	"errors"
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

func put(n int, cond table.Condition) table.Put {
	attrs := table.Map{"v": table.N(n), "nk": table.S("all"), "nn": table.N(n)}
	return table.Put{Table: "suite-rows", Row: table.Row{Key: table.Key{PK: "a", SK: "-"}, Attrs: attrs}, If: cond}
}

// indexed returns the number in the index of the row that put puts, or -1.
func indexed(t *testing.T, tab *pebbletable.Table) int {
	t.Helper()
	page, err := tab.Query(t.Context(), table.Query{Table: "suite-rows", Index: "by-number", PK: "all"})
	if err != nil || len(page.Rows) > 1 {
		t.Fatalf("index: %v, %v", page, err)
	}
	if len(page.Rows) == 0 {
		return -1
	}
	return int(page.Rows[0].Attrs["nn"].(table.N))
}

// TestKeysWithNUL uses keys that not every emulator of DynamoDB accepts.
func TestKeysWithNUL(t *testing.T) {
	tab := openTable(t, openDB(t, embedded.Options{NoSync: true}))
	texts := []string{"a", "a\x00", "a\x00\x01", "a\x00\xc3\xbf", "a\x01", "aa"}
	for _, pk := range texts {
		for _, sk := range texts {
			row := table.Row{Key: table.Key{PK: pk, SK: sk}, Attrs: table.Map{"tk": table.S(sk), "ts": table.S(pk)}}
			if err := tab.Put(t.Context(), table.Put{Table: "suite-rows", Row: row, If: table.Absent()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, text := range texts {
		for _, q := range []table.Query{{PK: text}, {Index: "by-text", PK: text}} {
			q.Table = "suite-rows"
			page, err := tab.Query(t.Context(), q)
			if err != nil || len(page.Rows) != len(texts) {
				t.Fatalf("%q: %d rows, %v", text, len(page.Rows), err)
			}
			for i, row := range page.Rows {
				if other := map[bool]string{true: row.SK, false: row.PK}[q.Index == ""]; other != texts[i] {
					t.Errorf("%q: row %d is %q, want %q", text, i, other, texts[i])
				}
			}
		}
	}
}

func TestReopen(t *testing.T) {
	fs := vfs.NewMem()
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	tab := openTable(t, db)
	if err := tab.Put(t.Context(), put(1, table.Absent())); err != nil {
		t.Fatal(err)
	}
	page, err := tab.Query(t.Context(), table.Query{Table: "suite-rows", PK: "a", Limit: 1})
	if err != nil || page.After == "" {
		t.Fatal(page, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Get(t.Context(), "suite-rows", table.Key{PK: "a", SK: "-"}, true); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("get on a closed database: %v", err)
	}
	if err := tab.Put(t.Context(), put(2, table.Equals("v", table.N(1)))); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("put on a closed database: %v", err)
	}
	tab = openTable(t, openDB(t, embedded.Options{FS: fs}))
	if got := indexed(t, tab); got != 1 {
		t.Errorf("the index shows %d", got)
	}
	// An After is valid after a restart: callers keep it in cursors.
	rest, err := tab.Query(t.Context(), table.Query{Table: "suite-rows", PK: "a", After: page.After})
	if err != nil || len(rest.Rows) != 0 || rest.After != "" {
		t.Errorf("the rest: %v, %v", rest, err)
	}
}

func TestSchemas(t *testing.T) {
	db := openDB(t, embedded.Options{NoSync: true})
	index := func(x table.Index) table.Schema { return table.Schema{Name: "tab", Indexes: []table.Index{x}} }
	for name, schemas := range map[string][]table.Schema{
		"twice": {{Name: "tab"}, {Name: "tab"}}, "no name": {{}}, "short name": {{Name: "ab"}}, "strange name": {{Name: "a b c"}},
		"index without a name": {index(table.Index{PK: "a", SK: "b"})}, "index without PK": {index(table.Index{Name: "idx", SK: "b"})},
		"index on sk": {index(table.Index{Name: "idx", PK: "a", SK: "sk"})}, "numeric pk": {index(table.Index{Name: "idx", PK: "a", SK: "pk", Numeric: true})},
		"one attribute twice": {index(table.Index{Name: "idx", PK: "a", SK: "a"})},
		"index twice":         {{Name: "tab", Indexes: []table.Index{{Name: "idx", PK: "a", SK: "b"}, {Name: "idx", PK: "a", SK: "c"}}}},
	} {
		if _, err := pebbletable.New(db, schemas...); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
