package pebblestream_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

func openBench(b *testing.B) *pebblestream.Stream {
	db, err := embedded.Open(embedded.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	s, err := pebblestream.New(db, pebblestream.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.CreateStream(context.Background(), "events", 1); err != nil {
		b.Fatal(err)
	}
	return s
}

func benchRecords(n int) []stream.Record {
	out := make([]stream.Record, n)
	for i := range out {
		out[i] = stream.Record{PartitionKey: fmt.Sprintf("main#A-%d", i), Data: make([]byte, 700)}
	}
	return out
}

// BenchmarkPut puts calls of 100 records of 700 bytes, each call with its fsync, from 32 callers.
func BenchmarkPut(b *testing.B) {
	s := openBench(b)
	records := benchRecords(100)
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Put(context.Background(), "events", records); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkGet reads one shard of 700-byte records from its start, 1,000 at a time.
func BenchmarkGet(b *testing.B) {
	s := openBench(b)
	records := benchRecords(500)
	for range 100 {
		if _, err := s.Put(context.Background(), "events", records); err != nil {
			b.Fatal(err)
		}
	}
	first, err := s.Iterator(context.Background(), "events", "shardId-000000000000", stream.Position{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	read, next := 0, first
	for range b.N {
		batch, err := s.Get(context.Background(), next, 1000)
		if err != nil {
			b.Fatal(err)
		}
		read += len(batch.Records)
		next = batch.Next
		if len(batch.Records) == 0 {
			next = first
		}
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkFollow puts 30 records of 700 bytes on one shard, and four readers that follow it read
// them.
func BenchmarkFollow(b *testing.B) {
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	s, err := pebblestream.New(db, pebblestream.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.CreateStream(context.Background(), "events", 1); err != nil {
		b.Fatal(err)
	}
	records := benchRecords(30)
	var iterators [4]string
	for i := range iterators {
		if iterators[i], err = s.Iterator(context.Background(), "events", "shardId-000000000000", stream.Position{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := s.Put(context.Background(), "events", records); err != nil {
			b.Fatal(err)
		}
		for i, iterator := range iterators {
			batch, err := s.Get(context.Background(), iterator, 1000)
			if err != nil || len(batch.Records) != len(records) {
				b.Fatal(len(batch.Records), err)
			}
			iterators[i] = batch.Next
		}
	}
}
