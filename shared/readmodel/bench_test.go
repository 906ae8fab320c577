package readmodel

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/embedded"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/journal"
	"passbook/shared/stream"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// BenchmarkProjection decodes and projects entries spread over 10,000 accounts, in batches of 100,
// fsync on: what one shard's reader does for one consumer. With further rows, each entry names
// three and each state one, as the balances do.
func BenchmarkProjection(b *testing.B) {
	threeRows := Further[account.State]{Table: furtherTable, OfState: testFurther.OfState, OfEntry: func(generation int64, e *event.Entry) (rows []table.Row) {
		for _, kind := range []string{"t#main#6#MoneyWithdrawn", "a#main#6#withdraw", "c#main##" + e.Hash.String()[:36]} {
			key := table.Key{PK: GenerationPrefix(generation) + kind, SK: fmt.Sprintf("%016d#%s#%019d#%s", e.RecordedAt.UnixMicro(), e.AccountID, e.First, e.Hash.String()[:8])}
			rows = append(rows, table.Row{Key: key, Attrs: table.Map{"format": table.N(1)}})
		}
		return rows
	}}
	for _, c := range []struct {
		sync    bool
		further *Further[account.State]
	}{{false, nil}, {false, &threeRows}, {true, nil}, {true, &threeRows}} {
		sync := c.sync
		b.Run(fmt.Sprintf("fsync=%v/further=%v", sync, c.further != nil), func(b *testing.B) {
			o := embedded.Options{Dir: b.TempDir()}
			if !sync {
				o = embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true}
			}
			db, err := embedded.Open(o)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			rows, err := pebbletable.New(db, append([]table.Schema{{Name: testModel.Name}, {Name: furtherTable}}, journal.Schemas...)...)
			if err != nil {
				b.Fatal(err)
			}
			p := NewProjection(ProjectionConfig[account.State]{
				Generation: 1, Rows: NewRows[account.State](rows, testModel, 0), Further: c.further, Transact: true, Log: quietLog,
			})
			shard := consumer.Shard{Stream: testStream, ID: "s"}
			h, err := p.Open(b.Context(), shard, "")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = h.Close() })
			records := make([]stream.Delivered, 0, b.N)
			for i, e := range archivetest.Bank(1, min(10_000, b.N), b.N) {
				sealed, err := event.Seal(e, eventtest.Keys)
				if err != nil {
					b.Fatal(err)
				}
				records = append(records, stream.Delivered{
					Record:   stream.Record{PartitionKey: e.Account().String(), Data: sealed.Record},
					Sequence: fmt.Sprint(1000 + i),
				})
			}
			b.ReportAllocs()
			began := cpuTime(b)
			b.ResetTimer()
			for len(records) > 0 {
				n := min(100, len(records))
				batch := make([]consumer.Delivery, n)
				for i, r := range records[:n] {
					e, err := event.DecodeRecord(r.Data)
					if err != nil {
						b.Fatal(err)
					}
					batch[i] = consumer.Delivery{Sequence: r.Sequence, PartitionKey: r.PartitionKey, Entry: e, Data: r.Data}
				}
				if _, err := h.Handle(b.Context(), consumer.Batch{Shard: shard, Deliveries: batch}); err != nil {
					b.Fatal(err)
				}
				records = records[n:]
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime returns the CPU time of this process, which does not depend on what else the machine
// does.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
