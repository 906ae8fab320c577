package replay_test

import (
	"fmt"
	"io"
	"log/slog"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/embedded"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// BenchmarkRebuild folds an archive of four shards on disk into a generation on disk, with fsync.
func BenchmarkRebuild(b *testing.B) {
	b.Run("large segments", func(b *testing.B) { benchmarkRebuild(b, 200_000) })
	b.Run("small segments", func(b *testing.B) { benchmarkRebuild(b, 2_000) })
}

func benchmarkRebuild(b *testing.B, perSegment int) {
	e := newEnv(b)
	shards := make([][]*event.Entry, 4)
	events := 0
	for _, entry := range archivetest.Bank(1, 10_000, 300_000) {
		a := entry.Account()
		i := int(a.HashBucket()) % len(shards)
		shards[i] = append(shards[i], entry)
		events += len(entry.Events)
	}
	for i, shard := range shards {
		e.archive(b, fmt.Sprintf("shardId-%012d", i), archivetest.Records(shard), perSegment)
	}
	for b.Loop() {
		b.StopTimer()
		db, err := embedded.Open(embedded.Options{Dir: b.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			b.Fatal(err)
		}
		e.table, err = pebbletable.New(db, append([]table.Schema{{Name: testModel.Name}}, journal.Schemas...)...)
		if err != nil {
			b.Fatal(err)
		}
		e.rows, e.reader = readmodel.NewRows(e.table, testModel, 0), journal.NewReader(e.table)
		b.StartTimer()
		done, err := replay.Rebuild(b.Context(), e.rebuilding())
		if err != nil || done.Events != int64(events) {
			b.Fatalf("%+v, %v", done, err)
		}
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
