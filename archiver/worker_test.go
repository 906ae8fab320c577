package archiver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"passbook/archiver"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

// The archiver runs under its real worker, on a stream that throttles, expires and reshards, with
// the worker killed in between. The archive then has every entry, in unbroken chains.
func TestArchiver_ArchivesEveryEntryUnderItsWorker(t *testing.T) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	store := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...)
	control, s := store.Table, store.Streams
	if err := s.CreateStream(t.Context(), "events", 2); err != nil {
		t.Fatal(err)
	}
	disk := newBucket(t)
	entries := archivetest.Bank(20, 30, 1200)
	start := func(owner string) (stop func(), a *archiver.Archiver) {
		a = newArchiver(t, disk, func(c *archiver.Config) { c.Now, c.SegmentAge = time.Now, time.Hour })
		w := consumer.New(consumer.Config{
			Runtime: consumer.Runtime{
				Stream: "events", Owner: owner, Exclusive: true, Lease: 2 * time.Second, Table: control, Streams: s, Log: quiet,
			},
			Name: archiver.Name, Open: a.Open,
		})
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			if err := w.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		return func() { cancel(); work.Wait() }, a
	}
	s.Fail(faults.Chances{Seed: 3, Throttle: 25, Expire: 25, Empty: 25})
	stop, _ := start("first")
	publish(t, s, entries[:400])
	await(t, func() bool { return archived(t, disk) >= 200 })
	stop() // what is not sealed is dropped, and read again
	shards, err := s.Shards(t.Context(), "events")
	if err != nil {
		t.Fatal(err)
	}
	stop, a := start("second")
	publish(t, s, entries[400:600])
	if err := s.Split(t.Context(), "events", shards[0].ID); err != nil {
		t.Fatal(err)
	}
	publish(t, s, entries[600:])
	await(t, func() bool {
		if err := a.Flush(t.Context()); err != nil {
			return false // a shard was handed over during the flush
		}
		return archived(t, disk) == len(entries)
	})
	stop()
	plan, err := archive.LoadPlan(t.Context(), disk)
	if err != nil || len(plan.Gaps) != 0 {
		t.Fatalf("%v %v", plan.Gaps, err)
	}
	if fired := s.Fired(); fired.Throttle == 0 || fired.Expire == 0 || fired.Empty == 0 {
		t.Fatalf("a fault never fired: %+v", fired)
	}
}

func publish(t *testing.T, s stream.Stream, entries []*event.Entry) {
	t.Helper()
	for _, e := range entries {
		sealed, err := event.Seal(e, eventtest.Keys)
		if err != nil {
			t.Fatal(err)
		}
		put, err := s.Put(t.Context(), "events", []stream.Record{{PartitionKey: e.Tenant + "#" + e.AccountID, Data: sealed.Record}})
		if err != nil || put[0].Err != nil {
			t.Fatal(errors.Join(err, put[0].Err))
		}
	}
}

// archived counts the different entries in the archive.
func archived(t *testing.T, b bucket.Bucket) int {
	t.Helper()
	seen := map[event.Hash]bool{}
	for object, err := range archive.List(t.Context(), b) {
		if err != nil {
			t.Fatal(err)
		}
		opened, err := segment.Open(t.Context(), b, object.Key)
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range opened.Records(segment.Exact) {
			if err != nil {
				t.Fatal(err)
			}
			seen[rec.Entry.Hash] = true
		}
	}
	return len(seen)
}

// await waits for a condition.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in time")
		}
	}
}
