package segment_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/segment"
)

func benchRecords(b *testing.B, format int) ([]segment.Record, float64) {
	b.Helper()
	entries := archivetest.Bank(1, 2000, 60_000)
	if format == 2 {
		entries = archivetest.Signed(entries)
	}
	records := archivetest.Records(entries)
	events := 0
	for _, rec := range records {
		events += len(rec.Entry.Events)
	}
	return records, float64(events)
}

// BenchmarkWrite seals segments side by side, as the archiver does for its shards; bytes/event is a
// segment's size.
func BenchmarkWrite(b *testing.B) {
	for format := 1; format <= segment.Format; format++ {
		b.Run(fmt.Sprint("format=", format), func(b *testing.B) { benchmarkWrite(b, format) })
	}
}

func benchmarkWrite(b *testing.B, format int) {
	records, events := benchRecords(b, format)
	var size atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			size.Store(int64(len(seal(b, records, segment.Link{}).Data)))
		}
	})
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(size.Load())/events, "bytes/event")
}

// BenchmarkRead walks a segment from its bytes.
func BenchmarkRead(b *testing.B) {
	for format := 1; format <= segment.Format; format++ {
		b.Run(fmt.Sprint("format=", format), func(b *testing.B) { benchmarkRead(b, format) })
	}
}

func benchmarkRead(b *testing.B, format int) {
	records, events := benchRecords(b, format)
	sealed := seal(b, records, segment.Link{})
	for name, depth := range map[string]segment.Depth{"folds": segment.FoldOnly, "exact": segment.Exact} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				s, err := segment.Parse(sealed.Key, sealed.Data)
				if err != nil {
					b.Fatal(err)
				}
				for _, err := range s.Records(depth) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
