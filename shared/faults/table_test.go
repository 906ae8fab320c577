package faults_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"passbook/shared/faults"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

var numbered = table.Schema{Name: "numbered", Indexes: []table.Index{{Name: "by-number", PK: "nk", SK: "nn", Numeric: true}}}

func putNumber(t *testing.T, tab table.Table, n int64, cond table.Condition) {
	t.Helper()
	attrs := table.Map{"v": table.N(n), "nk": table.S("all"), "nn": table.N(n)}
	put := table.Put{Table: "numbered", Row: table.Row{Key: table.Key{PK: "a", SK: "-"}, Attrs: attrs}, If: cond}
	if err := tab.Put(t.Context(), put); err != nil {
		t.Fatal(err)
	}
}

// indexed returns what the index shows of the row that putNumber puts, or -1.
func indexed(t *testing.T, tab table.Table) int64 {
	t.Helper()
	page, err := tab.Query(t.Context(), table.Query{Table: "numbered", Index: "by-number", PK: "all"})
	if err != nil || len(page.Rows) > 1 {
		t.Fatalf("index: %v, %v", page, err)
	}
	if len(page.Rows) == 0 {
		return -1
	}
	return page.Rows[0].Attrs.Number("nn")
}

func TestFrozenIndexShowsWhatItHadUntilItIsThawed(t *testing.T) {
	tab := storetest.Memory(t, pebblestream.Options{}, numbered).Table
	freeze := func() {
		replica := storetest.Memory(t, pebblestream.Options{}, numbered).Table
		if err := tab.FreezeIndex(t.Context(), "numbered", "by-number", replica); err != nil {
			t.Fatal(err)
		}
	}
	thaw := func() { tab.ThawIndex("numbered", "by-number") }
	for i, step := range []struct {
		do             func()
		shown, current int64
	}{
		{freeze, -1, -1},
		{func() { putNumber(t, tab, 1, table.Absent()) }, -1, 1},
		{freeze, 1, 1},
		{func() { putNumber(t, tab, 2, table.Equals("v", table.N(1))) }, 1, 2},
		{thaw, 2, 2},
		{thaw, 2, 2},
	} {
		step.do()
		if got := indexed(t, tab); got != step.shown {
			t.Errorf("step %d: the index shows %d, want %d", i, got, step.shown)
		}
		if got := indexed(t, tab.Table); got != step.current {
			t.Errorf("step %d: another handle's index shows %d, want %d", i, got, step.current)
		}
	}
	if row, err := tab.Get(t.Context(), "numbered", table.Key{PK: "a", SK: "-"}, true); err != nil || row.Attrs.Number("v") != 2 {
		t.Errorf("the table itself lags: %v, %v", row, err)
	}
	if err := tab.FreezeIndex(t.Context(), "none", "by-number", tab); !errors.Is(err, table.ErrInvalid) {
		t.Errorf("index of a table that does not exist: %v", err)
	}
}

func TestSkewIsAddedToTheStores(t *testing.T) {
	tab := storetest.Memory(t, pebblestream.Options{}).Table
	if got := tab.Skew(); got != 0 {
		t.Errorf("skew %v", got)
	}
	tab.SetSkew(-time.Minute)
	if got := faults.NewTable(tab).Skew(); got != -time.Minute {
		t.Errorf("skew %v", got)
	}
}

// A rule meets the puts of one call one by one: any of them can be refused, and of any of them the
// answer can be lost.
func TestARuleMeetsEachPutOfACallByItself(t *testing.T) {
	errLost := errors.New("lost")
	named := func(pks ...string) func(table.Put) bool {
		return func(p table.Put) bool { return slices.Contains(pks, p.Row.PK) }
	}
	for _, c := range []struct {
		name   string
		rule   *faults.Rule
		times  int
		stored string
		failed string
	}{
		{"refused", &faults.Rule{Before: table.ErrThrottled, Match: named("b", "d")}, 9, "ac", "bd"},
		{"lost", &faults.Rule{After: errLost, Match: named("a", "d")}, 9, "abcd", "ad"},
		{"so often", &faults.Rule{Before: table.ErrThrottled}, 3, "d", "abc"},
	} {
		tab := storetest.Memory(t, pebblestream.Options{}, numbered).Table
		var puts []table.Put
		for _, pk := range []string{"a", "b", "c", "d"} {
			puts = append(puts, table.Put{Table: "numbered", Row: table.Row{Key: table.Key{PK: pk, SK: "-"}}, If: table.Absent()})
		}
		tab.Arm(c.rule, c.times)
		failed, stored := "", ""
		for i, err := range tab.PutEach(t.Context(), puts) {
			if pk := puts[i].Row.PK; err != nil {
				failed += pk
			}
			if _, err := tab.Get(t.Context(), "numbered", puts[i].Row.Key, true); err == nil {
				stored += puts[i].Row.PK
			}
		}
		if failed != c.failed || stored != c.stored || c.rule.Fired() != len(c.failed) {
			t.Errorf("%s: %q failed, %q are stored, the rule fired %d times", c.name, failed, stored, c.rule.Fired())
		}
	}
}
