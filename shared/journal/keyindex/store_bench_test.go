package keyindex

import (
	"context"
	"iter"
	"runtime"
	"testing"
	"time"

	"passbook/shared/embedded"
	"passbook/shared/event"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// BenchmarkFirstCommand reads the keys of an account of 1,700,000 commands in a day from a database
// that was just opened, as its first command after a start does.
func BenchmarkFirstCommand(b *testing.B) {
	dir, a := b.TempDir(), event.Account{Tenant: "main", ID: "A-1"}
	open := func() (*embedded.DB, Store) {
		db, err := embedded.Open(embedded.Options{Dir: dir, NoSync: true, CacheBytes: 32 << 20, MemTableBytes: 8 << 20})
		if err != nil {
			b.Fatal(err)
		}
		tbl, err := pebbletable.New(db, table.Schema{Name: "journal"})
		if err != nil {
			b.Fatal(err)
		}
		return db, Store{Table: tbl, Name: "journal", Now: func() time.Time { return began.Add(23 * time.Hour) }, Slack: time.Minute,
			Entries: func(context.Context, event.Account, int64, int64) iter.Seq2[*event.Entry, error] {
				return func(func(*event.Entry, error) bool) {}
			}, Filters: make(chan Wanted, 64)}
	}
	db, s := open()
	pages := newPages(1700)
	for _, p := range pages {
		p.At = began.Add(time.Duration(p.Number) * 48 * time.Second)
		if err := s.Save(b.Context(), a, p); err != nil {
			b.Fatal(err)
		}
	}
	for g := range int64(1700 / FilterPages) {
		if err := s.MakeFilter(b.Context(), Wanted{a, g}); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		db, s = open()
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		x, err := s.Load(b.Context(), a, 1_700_000, began.Add(1700*48*time.Second))
		if err != nil || x.Count() < 100_000 {
			b.Fatal(x.Count(), err)
		}
		b.StopTimer()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/1e6, "MB-allocated")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-kept")
		runtime.KeepAlive(x)
		b.StartTimer()
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}
