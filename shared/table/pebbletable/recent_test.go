package pebbletable_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"passbook/shared/embedded"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// The outcome of a write, and what it does to the indexes, are those of the stored row, whichever
// handle wrote the row before, under whichever condition.
func TestWhatIsKeptOfARowDecidesAsTheRowDoes(t *testing.T) {
	db := openDB(t, embedded.Options{NoSync: true})
	open := func(indexes ...table.Index) *pebbletable.Table {
		tab, err := pebbletable.New(db, table.Schema{Name: "rows", Indexes: indexes})
		if err != nil {
			t.Fatal(err)
		}
		return tab
	}
	byA, byB := table.Index{Name: "by-a", PK: "a", SK: "pk"}, table.Index{Name: "by-b", PK: "b", SK: "n", Numeric: true}
	few, all := open(byA), open(byA, byB)
	key, dice := table.Key{PK: "p", SK: "-"}, rand.New(rand.NewPCG(1, 2))
	var stored table.Map // nil for none
	for range 20_000 {
		tab, attrs := all, table.Map{"u": table.N(dice.IntN(2)), "v": table.N(dice.IntN(2))}
		if dice.IntN(2) == 0 {
			attrs["a"] = table.S("x")
		}
		if dice.IntN(2) == 0 {
			attrs["b"], attrs["n"] = table.S("x"), table.N(dice.IntN(2))
		}
		if dice.IntN(2) == 0 { // this handle has not heard of the index, and leaves the row in it
			tab = few
			delete(attrs, "b")
			if stored["b"] != nil {
				attrs["b"], attrs["n"] = stored["b"], stored["n"]
			}
		}
		name := []string{"u", "v", "a", "n"}[dice.IntN(4)]
		want := table.Value(table.N(dice.IntN(2)))
		if name == "a" {
			want = table.S("x")
		}
		cond, met := table.Equals(name, want), stored[name] == want
		var err error
		switch dice.IntN(8) {
		case 0:
			if err = all.Delete(t.Context(), "rows", key, cond); met {
				attrs = nil
			}
		case 1:
			cond, met = table.Absent(), stored == nil
			fallthrough
		default:
			err = tab.Put(t.Context(), table.Put{Table: "rows", Row: table.Row{Key: key, Attrs: attrs}, If: cond})
		}
		if met != (err == nil) || err != nil && !errors.Is(err, table.ErrConditionFailed) {
			t.Fatalf("write of %v over %v if %v: %v", attrs, stored, cond, err)
		}
		if met {
			stored = attrs
		}
		for _, x := range []table.Index{byA, byB} {
			page, err := all.Query(t.Context(), table.Query{Table: "rows", Index: x.Name, PK: "x"})
			if in := stored[x.PK] != nil; err != nil || in != (len(page.Rows) == 1) || in && x.Numeric && page.Rows[0].Attrs["n"] != stored["n"] {
				t.Fatalf("index %s has %v of %v, %v", x.Name, page.Rows, stored, err)
			}
		}
	}
}
