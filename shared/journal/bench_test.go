package journal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"passbook/shared/embedded"
	"passbook/shared/event"
	"passbook/shared/table/pebbletable"
)

// BenchmarkExecute commits through the embedded engine with fsync, 64 callers at once: spread over
// 10,000 accounts, and on one.
func BenchmarkExecute(b *testing.B) {
	for _, accounts := range []int{10_000, 1} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) { benchmarkExecute(b, accounts) })
	}
}

func benchmarkExecute(b *testing.B, accounts int) {
	db, err := embedded.Open(embedded.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tbl, err := pebbletable.New(db, Schemas...)
	if err != nil {
		b.Fatal(err)
	}
	j, err := Open(b.Context(), Config{Table: tbl, Outbox: discard{}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = j.Close(b.Context()) }()
	callers(64, accounts, func(i int) error {
		_, err := j.Execute(b.Context(), command(event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)}, "open", opening()))
		return err
	}, b)
	var n atomic.Int64
	b.ResetTimer()
	callers(64, b.N, func(int) error {
		i := n.Add(1)
		c := command(event.Account{Tenant: "main", ID: fmt.Sprint("A-", i%int64(accounts))}, fmt.Sprint("k", i), crediting(1))
		c.CorrelationID, c.Actor = "01a9a4f2-6f1c-7c35-b58e-2c1f8e0e9f00", event.Text{Plain: "credit"}
		_, err := j.Execute(b.Context(), c)
		return err
	}, b)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}

// callers shares calls 0..n-1 out among as many callers, each with one call at a time.
func callers(parallel, n int, call func(int) error, b *testing.B) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := call(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

type discard struct{}

func (discard) Publish(...Committed)            {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }
