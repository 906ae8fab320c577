package faults_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/faults"
	"passbook/shared/stream"
)

// shards opens a stream "events" with that many shards, for two processes.
func shards(t *testing.T, n int) (a, b *faults.Client, s *faults.LimitedStreams) {
	t.Helper()
	inner := openStreams(t, openDB(t, nil))
	if err := inner.CreateStream(t.Context(), "events", n); err != nil {
		t.Fatal(err)
	}
	return faults.NewClient(0), faults.NewClient(0), faults.NewLimitedStreams(inner, faults.Limits{})
}

func record(key string, bytesOf int) stream.Record {
	return stream.Record{PartitionKey: key, Data: bytes.Repeat([]byte("x"), bytesOf-len(key))}
}

// sent puts records and returns the indexes of those that were accepted.
func sent(t *testing.T, h stream.Stream, records ...stream.Record) (list []int) {
	t.Helper()
	puts, err := h.Put(t.Context(), "events", records)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range puts {
		switch {
		case p.Err == nil:
			list = append(list, i)
		case !errors.Is(p.Err, stream.ErrThrottled) || p.Sequence != "":
			t.Fatalf("record %d: %+v", i, p)
		}
	}
	return list
}

func TestShardTakesAMegabyteASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, streams := shards(t, 1)
		half := record("k", 512<<10)
		if got := sent(t, one.Stream(streams), half); len(got) != 1 {
			t.Fatal(got)
		}
		// 512 KiB are left: the first does not fit, the small one after it does.
		if got := sent(t, two.Stream(streams), record("k", 600<<10), record("k", 100), half); fmt.Sprint(got) != "[1]" {
			t.Fatalf("sent %v", got)
		}
		time.Sleep(time.Second)
		if got := sent(t, two.Stream(streams), record("k", 1<<20)); len(got) != 1 {
			t.Fatal("a second's budget is not back")
		}
		if c := two.Snapshot(); c.Of(faults.Throttled, "events") != 2 || c.Of(faults.Records, "events") != 2 {
			t.Fatalf("counted %v", c)
		}
	})
}

func TestShardTakesAThousandRecordsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, streams := shards(t, 2)
		var keys []string // of one shard
		all, err := one.Stream(streams).Shards(t.Context(), "events")
		if err != nil {
			t.Fatal(err)
		}
		var other string
		for i := 0; len(keys) < 1500 || other == ""; i++ {
			if key := fmt.Sprint("k", i); stream.HashKey(key).Cmp(all[0].LastHash) <= 0 {
				keys = append(keys, key)
			} else {
				other = key
			}
		}
		total := 0
		for i, c := range []*faults.Client{one, two, one} {
			var records []stream.Record
			for _, key := range keys[i*500 : (i+1)*500-1] {
				records = append(records, record(key, 100))
			}
			total += len(sent(t, c.Stream(streams), append(records, record(other, 100))...))
		}
		// 1,000 of the one shard, and 3 of the other.
		if total != 1003 {
			t.Fatalf("%d records passed", total)
		}
	})
}

func TestPutUnits(t *testing.T) {
	c, _, streams := shards(t, 1)
	for _, step := range []struct {
		data int
		want float64
	}{{1, 1}, {25 << 10, 1}, {25<<10 + 1, 2}, {100 << 10, 4}} {
		before := c.Snapshot()
		sent(t, c.Stream(streams), stream.Record{PartitionKey: "k", Data: make([]byte, step.data)})
		if got := c.Snapshot().Sub(before).All(faults.PutUnits); got != step.want {
			t.Errorf("%d bytes are %v units, want %v", step.data, got, step.want)
		}
	}
}

func TestReadersShareAShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, streams := shards(t, 1)
		handles := []stream.Stream{one.Stream(streams), two.Stream(streams)}
		var iterators []string
		for i := range 7 {
			it, err := handles[i%2].Iterator(t.Context(), "events", "shardId-000000000000", stream.Position{})
			if (err == nil) != (i < 5) || err != nil && !errors.Is(err, stream.ErrThrottled) {
				t.Fatalf("iterator %d: %v", i, err)
			}
			iterators = append(iterators, it)
		}
		for i := range 7 {
			_, err := handles[i%2].Get(t.Context(), iterators[0], 1)
			if (err == nil) != (i < 5) || err != nil && !errors.Is(err, stream.ErrThrottled) {
				t.Fatalf("get %d: %v", i, err)
			}
		}
		if got := one.Snapshot().Add(two.Snapshot()); got.Of(faults.Gets, "events") != 5 || got.Of(faults.Throttled, "events") != 4 {
			t.Fatalf("counted %v", got)
		}
		if _, err := handles[0].Get(t.Context(), "made up", 1); !errors.Is(err, stream.ErrInvalid) {
			t.Fatalf("a foreign iterator: %v", err)
		}
	})
}

// An answer of 10 MiB throttles the reads of all processes in the seconds after it.
func TestBigAnswerBlocksTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, streams := shards(t, 1)
		for range 10 {
			if len(sent(t, one.Stream(streams), record("k", 1<<20))) != 1 {
				t.Fatal("refused")
			}
			time.Sleep(time.Second)
		}
		it, err := one.Stream(streams).Iterator(t.Context(), "events", "shardId-000000000000", stream.Position{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := one.Stream(streams).Get(t.Context(), it, 100)
		if err != nil || len(b.Records) < 9 {
			t.Fatalf("%d records, %v", len(b.Records), err)
		}
		began, refused := time.Now(), 0
		for ; ; refused++ {
			if _, err = two.Stream(streams).Get(t.Context(), it, 1); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		// 9 or 10 MiB less the 2 MiB saved up, at 2 MiB a second.
		if took := time.Since(began); took < 3400*time.Millisecond || took > 4200*time.Millisecond || refused == 0 {
			t.Fatalf("blocked for %v", took)
		}
	})
}

func TestNobodyIsWoken(t *testing.T) {
	c, _, streams := shards(t, 1)
	if _, wakes := any(c.Stream(streams)).(stream.Notifier); wakes {
		t.Fatal("Kinesis wakes nobody")
	}
}
