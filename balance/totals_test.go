package balance

import (
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// A pass adds up the rows of the live generation, by tenant and currency, and no other.
func TestTotalsAreThoseOfTheLiveGeneration(t *testing.T) {
	tables := storetest.Memory(t, pebblestream.Options{}, append(Schemas, control.Schema)...).Table
	put := func(generation int64, tenant, id string, s account.State) {
		t.Helper()
		of := event.Account{Tenant: tenant, ID: id}
		s.Version = 1
		attrs := table.Map{"version": table.N(1)}
		encode(attrs, generation, of, s)
		row := table.Row{Key: readmodel.RowKey(generation, of), Attrs: attrs}
		if err := tables.Put(t.Context(), table.Put{Table: Table, Row: row, If: table.Absent()}); err != nil {
			t.Fatal(err)
		}
	}
	totals := NewBankTotals(NewStore(tables, 0), func(err error) { t.Error(err) })
	if _, _, _, known := totals.Of("main"); known {
		t.Error("totals before the first pass")
	}
	put(1, "main", "A-1", account.State{Currency: "EUR", Status: "open", Posted: 500, Held: 20, Limit: 100})
	put(1, "main", "A-2", account.State{Currency: "EUR", Status: "open", Posted: -80, Limit: 100})
	put(1, "main", "A-3", account.State{Currency: "JPY", Status: "open", Posted: 7})
	put(1, "north", "A-1", account.State{Currency: "EUR", Status: "open", Posted: 1})
	put(2, "main", "A-1", account.State{Currency: "EUR", Status: "open", Posted: 9000}) // a candidate
	began := time.Now()
	p, err := totals.pass(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	totals.last.Store(p)
	got, from, to, known := totals.Of("main")
	want := []Total{{"EUR", 2, 420, 20, 80, 200}, {"JPY", 1, 7, 0, 0, 0}}
	if !known || len(got) != 2 || got[0] != want[0] || got[1] != want[1] || from.Before(began) || to.Before(from) {
		t.Errorf("%+v %v %v %v", got, from, to, known)
	}
	if other, _, _, _ := totals.Of("south"); len(other) != 0 {
		t.Errorf("%+v of a tenant without accounts", other)
	}
}
