package pebbletable_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"passbook/shared/embedded"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

var benchSchema = table.Schema{Name: "journal", Rising: []string{"E#"}, Indexes: []table.Index{{Name: "writers", PK: "wk", SK: "wn", Numeric: true}}}

func openBench(b *testing.B, noSync bool) *pebbletable.Table {
	db, err := embedded.Open(embedded.Options{Dir: b.TempDir(), NoSync: noSync})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	t, err := pebbletable.New(db, benchSchema)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func benchRow(n int64) table.Row {
	return table.Row{Key: table.Key{PK: fmt.Sprintf("main#A-%d", n%10000), SK: fmt.Sprintf("E#%012d", n)}, Attrs: table.Map{
		"events": table.S(strings.Repeat("e", 600)), "state": table.S(strings.Repeat("s", 100)), "first": table.N(n), "last": table.N(n),
		"wk": table.S("writer-1#3"), "wn": table.N(n), "hash": table.S(strings.Repeat("h", 43)),
	}}
}

func benchPut(b *testing.B, noSync bool) {
	t := openBench(b, noSync)
	var n atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := t.Put(context.Background(), table.Put{Table: "journal", Row: benchRow(n.Add(1)), If: table.Absent()}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}

func BenchmarkPut(b *testing.B)       { benchPut(b, false) }
func BenchmarkPutNoSync(b *testing.B) { benchPut(b, true) }

// BenchmarkPutEach puts rounds of rows: entries of the journal, which are new, and rows of a read
// model, each of which replaces the one before it.
func BenchmarkPutEach(b *testing.B) {
	const round = 300
	for _, c := range []struct {
		name string
		row  func(n int64) (table.Row, table.Condition)
	}{
		{"new", func(n int64) (table.Row, table.Condition) { return benchRow(n), table.Absent() }},
		{"replaced", func(n int64) (table.Row, table.Condition) {
			row := benchRow(n)
			if row.SK = "-"; n < 10000 {
				return row, table.Absent()
			}
			return row, table.Equals("first", table.N(n-10000))
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			t := openBench(b, true)
			n := int64(0)
			b.ReportAllocs()
			for range b.N {
				b.StopTimer()
				puts := make([]table.Put, round)
				for i := range puts {
					puts[i].Table = "journal"
					puts[i].Row, puts[i].If = c.row(n)
					n++
				}
				b.StartTimer()
				for i, err := range t.PutEach(context.Background(), puts) {
					if err != nil {
						b.Fatal(i, err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*round), "ns/row")
		})
	}
}

func BenchmarkGet(b *testing.B) {
	t := openBench(b, true)
	for n := range int64(10000) {
		if err := t.Put(context.Background(), table.Put{Table: "journal", Row: benchRow(n), If: table.Absent()}); err != nil {
			b.Fatal(err)
		}
	}
	var n atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := t.Get(context.Background(), "journal", benchRow(n.Add(1)%10000).Key, true); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "gets/s")
}

func BenchmarkQueryNewest(b *testing.B) {
	t := openBench(b, true)
	for n := range int64(10000) {
		if err := t.Put(context.Background(), table.Put{Table: "journal", Row: benchRow(n), If: table.Absent()}); err != nil {
			b.Fatal(err)
		}
	}
	var n atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			q := table.Query{Table: "journal", PK: benchRow(n.Add(1) % 10000).PK, Desc: true, Limit: 1, Consistent: true}
			if page, err := t.Query(context.Background(), q); err != nil || len(page.Rows) != 1 {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
}
