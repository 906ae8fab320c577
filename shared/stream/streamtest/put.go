package streamtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"passbook/shared/stream"
)

var putClauses = []clause{
	{"put/results", "Put puts 1..MaxPutRecords records and returns one result for each, in their order.", nil, putResults},
	{"put/placed", "HashKey returns the 128-bit number that places a partition key on a shard: MD5, big-endian.", nil, putPlaced},
	{"put/order", "A shard keeps its records in sequence order;", nil, putOrder},
	{"put/data", "Record is a partition key and data that a producer puts.", nil, putData},
	{"put/limits", "ErrInvalid: the call itself is wrong (too many records, a record that is too large, an empty partition key).", nil, putLimits},
	{"put/largest", "MaxRecordBytes is the most bytes of one record's data and partition key (the default stream's 1 MiB).", nil, putLargest},
	{"put/together", "Methods may be called concurrently; every call obeys its context's deadline.", nil, putTogether},
	{"context", "every call obeys its context's deadline.", nil, contextEnded},
	{"not-found", "ErrNotFound: no such stream or shard.", nil, notFound},
}

func putResults(s *suite) {
	s.create(2)
	records := make([]stream.Record, 50)
	for i := range records {
		records[i] = stream.Record{PartitionKey: fmt.Sprint("key-", i), Data: fmt.Append(nil, i)}
	}
	stored := 0
	for attempt := 0; stored < 20; attempt++ {
		results, err := s.First.Put(s.ctx, s.name, records)
		if err != nil {
			s.must(pause(s.ctx, attempt))
			continue
		}
		s.must(differ("results", len(results), len(records)))
		for i, r := range results {
			if r.Err != nil {
				continue
			}
			stored++
			at := stream.Position{Where: stream.AtSequence, Sequence: r.Sequence}
			got := s.mustTail(r.Shard, at, 1)[0]
			found, want := fmt.Sprint(got.PartitionKey, string(got.Data), got.Sequence), fmt.Sprint(records[i].PartitionKey, i, r.Sequence)
			s.must(differ("record at its result", found, want))
		}
	}
}

func putPlaced(s *suite) {
	s.create(3)
	shards := map[string]stream.Shard{}
	for _, shard := range s.shards() {
		shards[shard.ID] = shard
	}
	used := map[string]bool{}
	for i := range 60 {
		key := fmt.Sprint("main#A-", i)
		put := s.mustSend(stream.Record{PartitionKey: key, Data: []byte("x")})[0]
		shard, known := shards[put.Shard]
		hash := stream.HashKey(key)
		if !known || hash.Cmp(shard.FirstHash) < 0 || hash.Cmp(shard.LastHash) > 0 {
			s.Fatalf("key %s with hash %v is on %+v", key, hash, shard)
		}
		used[put.Shard] = true
	}
	s.must(differ("shards used", len(used), 3))
}

func putOrder(s *suite) {
	s.create(1)
	records := numbered("a", 0, 40)
	puts := s.mustSend(records...)
	for i := 1; i < len(puts); i++ {
		if stream.CompareSequence(puts[i-1].Sequence, puts[i].Sequence) >= 0 {
			s.Fatalf("record %d has sequence %s, the next %s", i-1, puts[i-1].Sequence, puts[i].Sequence)
		}
	}
	got := s.mustTail(puts[0].Shard, stream.Position{}, len(records))
	s.wantRising(got)
	s.must(differ("read", data(got), texts(records)))
}

func putData(s *suite) {
	s.create(1)
	buffer := []byte("before")
	records := []stream.Record{
		{PartitionKey: "a", Data: buffer},
		{PartitionKey: "ключ #日", Data: []byte{0, 255, 10, 13}},
		{PartitionKey: strings.Repeat("k", stream.MaxPartitionKey), Data: []byte("{}")},
	}
	start := time.Now().Add(-time.Hour * 24 * 365)
	puts := s.mustSend(records...)
	copy(buffer, "AFTER!")
	records[0].Data = []byte("before")
	for range 2 {
		got := s.mustTail(puts[0].Shard, stream.Position{}, len(records))
		s.must(differ("read", data(got), texts(records)))
		keys := map[string]string{}
		for _, d := range got {
			keys[string(d.Data)] = d.PartitionKey
			if d.Arrived.Before(start) {
				s.Fatalf("arrived %v", d.Arrived)
			}
			clear(d.Data)
		}
		for _, r := range records {
			s.must(differ("partition key", keys[string(r.Data)], r.PartitionKey))
		}
	}
}

func putLimits(s *suite) {
	s.create(1)
	many := numbered("a", 0, stream.MaxPutRecords+1)
	mebibyte := make([]byte, stream.MaxRecordBytes)
	half := stream.Record{PartitionKey: "a", Data: mebibyte[:stream.MaxRecordBytes/2]}
	heavy := []stream.Record{half, half, half, half, half, half, half, half, half}
	for name, records := range map[string][]stream.Record{
		"no records": nil, "too many": many, "too many bytes": heavy,
		"no key":         {{Data: []byte("x")}},
		"a long key":     {{PartitionKey: strings.Repeat("ü", stream.MaxPartitionKey+1), Data: []byte("x")}},
		"a bad key":      {{PartitionKey: "\xff", Data: []byte("x")}},
		"a large record": {{PartitionKey: "a", Data: mebibyte}},
		"one bad of two": {{PartitionKey: "a", Data: []byte("x")}, {Data: []byte("x")}},
	} {
		_, err := s.First.Put(s.ctx, s.name, records)
		s.wantErr(err, stream.ErrInvalid, "put of %s", name)
	}
	one := numbered("a", 0, 1)
	put := s.mustSend(one...)[0]
	s.must(differ("all that is there", data(s.mustTail(put.Shard, stream.Position{}, 1)), texts(one)))
}

// putLargest makes the largest puts and reads the records in batches of at most 10 MiB.
func putLargest(s *suite) {
	const mebibytes = 11
	s.create(1)
	large := make([]byte, stream.MaxRecordBytes-6)
	for i := range mebibytes {
		s.mustSend(stream.Record{PartitionKey: "large", Data: fmt.Appendf(large[:0:0], "%06d%s", i, large[6:])})
	}
	full := numbered("small", 0, stream.MaxPutRecords)
	for attempt := 0; ; attempt++ {
		began := time.Now()
		if _, err := s.First.Put(s.ctx, s.name, full); err == nil {
			break
		}
		s.must(pauseAfter(s.ctx, began, attempt))
	}
	it, err := s.iterator(s.shards()[0].ID, stream.Position{})
	s.must(err)
	limit := stream.MaxGetRecords
	for attempt, seen := 0, map[string]bool{}; len(seen) < mebibytes; attempt++ {
		began := time.Now()
		batch, err := s.First.Get(s.ctx, it, limit)
		if err != nil {
			// an emulator on a busy machine may not manage 10 MiB within the adapter's deadline
			limit = 4
			s.must(pauseAfter(s.ctx, began, attempt))
			continue
		}
		bytes := 0
		for _, d := range batch.Records {
			bytes += len(d.PartitionKey) + len(d.Data)
			if d.PartitionKey == "large" {
				seen[string(d.Data[:6])] = true
			}
		}
		if bytes > 10<<20 {
			s.Fatalf("a Get of %d bytes", bytes)
		}
		it = batch.Next
	}
}

// putTogether puts from many goroutines and two handles, and reads all records, those of each
// goroutine in order.
func putTogether(s *suite) {
	const writers, each = 8, 25
	s.create(2)
	var group sync.WaitGroup
	for w := range writers {
		mine := *s
		mine.First = []stream.Stream{s.First, s.Second}[w%2]
		group.Go(func() {
			if _, err := mine.send(numbered(fmt.Sprint("writer-", w), 0, each)...); err != nil {
				s.Errorf("put: %v", err)
			}
		})
	}
	group.Wait()
	got := map[string][]string{}
	for _, shard := range s.shards() {
		n := 0
		for w := range writers {
			if h := stream.HashKey(fmt.Sprint("writer-", w)); h.Cmp(shard.FirstHash) >= 0 && h.Cmp(shard.LastHash) <= 0 {
				n += each
			}
		}
		delivered := s.mustTail(shard.ID, stream.Position{}, n)
		s.wantRising(delivered)
		for _, d := range delivered {
			got[d.PartitionKey] = append(got[d.PartitionKey], string(d.Data))
		}
	}
	for w := range writers {
		key := fmt.Sprint("writer-", w)
		s.must(differ(key, firstCopies(got[key]), texts(numbered(key, 0, each))))
	}
}

func firstCopies(in []string) []string {
	seen := map[string]bool{}
	out := []string{}
	for _, text := range in {
		if !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	return out
}

func contextEnded(s *suite) {
	s.create(1)
	shard := s.shards()[0].ID
	it, err := s.iterator(shard, stream.Position{})
	s.must(err)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, putErr := s.First.Put(ctx, s.name, numbered("never", 0, 1))
	_, shardsErr := s.First.Shards(ctx, s.name)
	_, iteratorErr := s.First.Iterator(ctx, s.name, shard, stream.Position{})
	_, getErr := s.First.Get(ctx, it, 1)
	_, createdErr := s.First.Created(ctx, s.name)
	for name, err := range map[string]error{"put": putErr, "shards": shardsErr, "iterator": iteratorErr, "get": getErr, "created": createdErr} {
		s.wantErr(err, context.Canceled, "%s with an ended context", name)
	}
	one := numbered("a", 0, 1)
	s.mustSend(one...)
	s.must(differ("all that is there", data(s.mustTail(shard, stream.Position{}, 1)), texts(one)))
}

func notFound(s *suite) {
	_, err := s.First.Put(s.ctx, s.name, numbered("a", 0, 1))
	s.wantErr(err, stream.ErrNotFound, "put on no stream")
	_, err = s.First.Shards(s.ctx, s.name)
	s.wantErr(err, stream.ErrNotFound, "shards of no stream")
	_, err = s.First.Created(s.ctx, s.name)
	s.wantErr(err, stream.ErrNotFound, "creation of no stream")
	_, err = s.First.Iterator(s.ctx, s.name, "shardId-000000000000", stream.Position{})
	s.wantErr(err, stream.ErrNotFound, "iterator on no stream")
	s.create(1)
	_, err = s.First.Iterator(s.ctx, s.name, "shardId-000000000099", stream.Position{})
	s.wantErr(err, stream.ErrNotFound, "iterator on no shard")
	s.must(s.Delete(s.ctx, s.name))
	_, err = s.First.Shards(s.ctx, s.name)
	s.wantErr(err, stream.ErrNotFound, "shards of a deleted stream")
}
