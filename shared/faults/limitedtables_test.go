package faults_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/faults"
	"passbook/shared/table"
)

// items is a table with an index on nk and nn.
var items = table.Schema{Name: "items", Indexes: []table.Index{{Name: "by-number", PK: "nk", SK: "nn", Numeric: true}}}

// item returns a row of that many bytes, which is in the index if n is not 0.
func item(pk string, bytes int, n int64) table.Row {
	attrs := table.Map{}
	if n != 0 {
		attrs["nk"], attrs["nn"] = table.S("all"), table.N(n)
	}
	r := table.Row{Key: table.Key{PK: pk, SK: "-"}, Attrs: attrs}
	attrs["v"] = table.S(strings.Repeat("v", bytes-table.Size(r)-1))
	return r
}

func put(r table.Row, cond table.Condition) table.Put {
	return table.Put{Table: "items", Row: r, If: cond}
}

var (
	absent = table.Absent()
	there  = table.Equals("sk", table.S("-"))
	never  = table.Equals("v", table.S("never"))
)

// Each step's units are computed by hand from DynamoDB's rules: 1 KB a unit, the larger of old and
// new row, double in a transaction; a failed condition costs the row in place; an index entry costs
// one unit to put and one to remove.
func TestWriteUnits(t *testing.T) {
	tables := openTables(t, faults.TablesConfig{}, items)
	c := faults.NewClient(0)
	h := c.Table(tables)
	for _, step := range []struct {
		name         string
		do           func() error
		fails        error
		units, index float64
	}{
		{"new, exactly 1 KB", func() error { return h.Put(t.Context(), put(item("a", 1024, 0), absent)) }, nil, 1, 0},
		{"grows by a byte", func() error { return h.Put(t.Context(), put(item("a", 1025, 0), there)) }, nil, 2, 0},
		{"shrinks: the old row counts", func() error { return h.Put(t.Context(), put(item("a", 100, 0), there)) }, nil, 2, 0},
		{"enters the index", func() error { return h.Put(t.Context(), put(item("a", 100, 5), there)) }, nil, 1, 1},
		{"stays in its place", func() error { return h.Put(t.Context(), put(item("a", 3000, 5), there)) }, nil, 3, 0},
		{"moves in the index", func() error { return h.Put(t.Context(), put(item("a", 100, 6), there)) }, nil, 3, 2},
		{"leaves the index", func() error { return h.Put(t.Context(), put(item("a", 5000, 0), there)) }, nil, 5, 1},
		{"fails on a row of 5 units", func() error { return h.Put(t.Context(), put(item("a", 9000, 7), absent)) }, table.ErrConditionFailed, 5, 0},
		{"fails on nothing", func() error { return h.Put(t.Context(), put(item("b", 9000, 7), never)) }, table.ErrConditionFailed, 1, 0},
		{"is invalid, and never sent", func() error { return h.Put(t.Context(), table.Put{Table: "items"}) }, table.ErrInvalid, 0, 0},
		{"together: 2 x (1 + 2), and one entry", func() error {
			return h.Transact(t.Context(), []table.Put{put(item("c", 1000, 0), absent), put(item("d", 2000, 8), absent)})
		}, nil, 6, 1},
		{"together, failed: 2 x (1 + 5)", func() error {
			return h.Transact(t.Context(), []table.Put{put(item("e", 4000, 0), absent), put(item("a", 100, 9), absent)})
		}, table.ErrConditionFailed, 12, 0},
		{"removed with its entry", func() error { return h.Delete(t.Context(), "items", table.Key{PK: "d", SK: "-"}, there) }, nil, 2, 1},
	} {
		before := c.Snapshot()
		if err := step.do(); !errors.Is(err, step.fails) {
			t.Errorf("%s: %v", step.name, err)
		}
		got := c.Snapshot().Sub(before)
		if w, i := got.All(faults.WriteUnits), got.Of(faults.IndexUnits, "items/by-number"); w != step.units || i != step.index {
			t.Errorf("%s: %v units and %v of the index, want %v and %v", step.name, w, i, step.units, step.index)
		}
	}
}

func TestReadUnits(t *testing.T) {
	tables := openTables(t, faults.TablesConfig{}, items)
	c := faults.NewClient(0)
	h := c.Table(tables)
	for i, r := range []table.Row{item("a", 4096, 1), item("b", 4097, 2)} {
		if err := h.Put(t.Context(), put(r, absent)); err != nil {
			t.Fatal(i, err)
		}
	}
	for i := range 10 { // ten rows of 1,000 bytes are 10,000: 3 units of 4,096
		r := item("many", 1000, 0)
		r.SK = fmt.Sprint(i)
		if err := h.Put(t.Context(), put(r, absent)); err != nil {
			t.Fatal(err)
		}
	}
	get := func(pk string, consistent bool) func() error {
		return func() error {
			_, err := h.Get(t.Context(), "items", table.Key{PK: pk, SK: "-"}, consistent)
			return err
		}
	}
	query := func(q table.Query) func() error {
		q.Table = "items"
		return func() error { _, err := h.Query(t.Context(), q); return err }
	}
	for _, step := range []struct {
		name  string
		do    func() error
		fails error
		units float64
	}{
		{"4 KB, consistent", get("a", true), nil, 1},
		{"4 KB, eventually", get("a", false), nil, 0.5},
		{"a byte more", get("b", true), nil, 2},
		{"nothing there", get("none", true), table.ErrNotFound, 1},
		{"a page is summed, then rounded", query(table.Query{PK: "many", Consistent: true}), nil, 3},
		{"a page, eventually", query(table.Query{PK: "many"}), nil, 1.5},
		{"a part of a page", query(table.Query{PK: "many", Consistent: true, Limit: 4}), nil, 1},
		{"an empty page", query(table.Query{PK: "none", Consistent: true}), nil, 1},
		{"an index, never consistent", query(table.Query{PK: "all", Index: "by-number", Consistent: true}), nil, 0.5},
		{"a scan of 18,193 bytes, eventually", func() error { _, err := h.Scan(t.Context(), table.Scan{Table: "items", Of: 1}); return err }, nil, 2.5},
	} {
		before := c.Snapshot()
		if err := step.do(); !errors.Is(err, step.fails) {
			t.Errorf("%s: %v", step.name, err)
		}
		if got := c.Snapshot().Sub(before).All(faults.ReadUnits); got != step.units {
			t.Errorf("%s: %v units, want %v", step.name, got, step.units)
		}
	}
}

// inOneSecond returns how often a call passes within one second, after ten seconds without calls.
func inOneSecond(t *testing.T, call func(i int) error) (passed int) {
	t.Helper()
	time.Sleep(10 * time.Second)
	for begin, i := time.Now(), 0; time.Since(begin) < time.Second; i++ {
		switch err := call(i); {
		case err == nil:
			passed++
		case !errors.Is(err, table.ErrThrottled):
			t.Fatal(err)
		}
		time.Sleep(200 * time.Microsecond)
	}
	return passed
}

// near allows for the step of the clock.
func near(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want-want/100 || got > want+want/100 {
		t.Errorf("%s: %d passed, want %d", what, got, want)
	}
}

// Unused units are kept for one second: the first second passes twice as many as any other.
func TestLimitsOfPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := openTables(t, faults.TablesConfig{}, items)
		one, two := faults.NewClient(0), faults.NewClient(0)
		handles := []table.Table{one.Table(tables), two.Table(tables)}
		n := 0
		write := func(spread bool, pk, index string) func(int) error {
			return func(i int) error {
				n++
				r := item(pk, 1000, 0)
				if r.SK = fmt.Sprint(n); spread {
					r.PK = fmt.Sprint(pk, n)
				}
				if index != "" {
					r.Attrs = table.Map{"nk": table.S(index), "nn": table.N(n)}
				}
				return handles[i%2].Put(t.Context(), put(r, absent))
			}
		}
		near(t, "two processes on one partition", inOneSecond(t, write(false, "a", "")), 2000)
		near(t, "an index key throttles its table", inOneSecond(t, write(true, "b", "all")), 2000)
		near(t, "no limit over many partitions", inOneSecond(t, write(true, "c", "")), 5000)
		if got := one.Snapshot(); got.Of(faults.Throttled, "items") == 0 || got.Of(faults.Throttled, "items/by-number") == 0 {
			t.Errorf("throttled: %v", got)
		}
		page, err := handles[0].Query(t.Context(), table.Query{Table: "items", Index: "by-number", PK: "all"})
		if err != nil || len(page.Rows) < 1980 || len(page.Rows) > 2020 {
			t.Errorf("%d rows in the index, %v: a throttled write was made", len(page.Rows), err)
		}
		big := item("big", 40<<10, 0) // 10 units to read
		if err := handles[0].Put(t.Context(), put(big, absent)); err != nil {
			t.Fatal(err)
		}
		near(t, "reads of 10 units", inOneSecond(t, func(i int) error {
			_, err := handles[i%2].Get(t.Context(), "items", big.Key, true)
			return err
		}), 600)
	})
}

// What is larger than a second's limit passes once, and the partition pays for it until the debt is
// gone.
func TestLargeWritesArePaidForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := faults.NewClient(0).Table(openTables(t, faults.TablesConfig{}, items))
		var puts []table.Put
		for i := range 8 { // 8 rows of 250 units, doubled: 4,000
			r := item("a", 250<<10, 0)
			r.SK = fmt.Sprint(i)
			puts = append(puts, put(r, absent))
		}
		if err := h.Transact(t.Context(), puts); err != nil {
			t.Fatal(err)
		}
		small := put(item("a", 1000, 0), absent)
		time.Sleep(2999 * time.Millisecond)
		if err := h.Put(t.Context(), small); !errors.Is(err, table.ErrThrottled) {
			t.Errorf("1,000 units saved up and 2,999 granted pay for 4,000: %v", err)
		}
		time.Sleep(3 * time.Millisecond)
		if err := h.Put(t.Context(), small); err != nil {
			t.Error(err)
		}
	})
}

func TestIndexShowsWhatWasThereBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lag = 30 * time.Second
		h := faults.NewClient(0).Table(openTables(t, faults.TablesConfig{IndexLag: lag}, items))
		shows := func(want string) {
			t.Helper()
			page, err := h.Query(t.Context(), table.Query{Table: "items", Index: "by-number", PK: "all"})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range page.Rows {
				got += fmt.Sprint(r.PK, r.Attrs["nn"], " ")
			}
			if got != want {
				t.Errorf("the index shows %q, want %q", got, want)
			}
		}
		for _, p := range []table.Put{put(item("a", 100, 1), absent), put(item("b", 100, 2), absent)} {
			if err := h.Put(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		shows("")
		time.Sleep(lag)
		shows("a1 b2 ")
		if err := h.Put(t.Context(), put(item("a", 100, 3), there)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := h.Delete(t.Context(), "items", table.Key{PK: "b", SK: "-"}, there); err != nil {
			t.Fatal(err)
		}
		shows("a1 b2 ")
		time.Sleep(lag - time.Second)
		shows("b2 a3 ")
		time.Sleep(time.Second)
		shows("a3 ")
	})
}
