package faults_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"passbook/shared/faults"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

const firstShard = "shardId-000000000000"

func openEvents(t testing.TB) *faults.Stream {
	t.Helper()
	s := storetest.Memory(t, pebblestream.Options{}).Streams
	if err := s.CreateStream(t.Context(), "events", 1); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEachFaultOfAPutDoesWhatItIsFor(t *testing.T) {
	s := openEvents(t)
	one := []stream.Record{{PartitionKey: "key", Data: []byte("x")}}
	s.Fail(faults.Chances{Refuse: 100})
	puts, err := s.Put(t.Context(), "events", one)
	if err != nil || !errors.Is(puts[0].Err, stream.ErrThrottled) || puts[0].Sequence != "" {
		t.Errorf("refused: %v, %v", puts, err)
	}
	if _, err := s.Put(t.Context(), "none", one); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("refused on a stream that does not exist: %v", err)
	}
	s.Fail(faults.Chances{Lose: 100})
	if puts, err = s.Put(t.Context(), "events", one); err != nil || puts[0].Err == nil || errors.Is(puts[0].Err, stream.ErrThrottled) {
		t.Errorf("lost: %v, %v", puts, err)
	}
	s.Fail(faults.Chances{LoseCall: 100})
	if puts, err = s.Put(t.Context(), "events", one); err == nil || puts != nil {
		t.Errorf("lost call: %v, %v", puts, err)
	}
	s.Fail(faults.Chances{})
	// What was lost is on the stream: a retry would have made duplicates. What was refused is not.
	if got := texts(t, s); got != "xx" {
		t.Errorf("the stream has %q", got)
	}
}

// texts reads the first shard and joins its data.
func texts(t *testing.T, s *faults.Stream) (joined string) {
	t.Helper()
	it, err := s.Iterator(t.Context(), "events", firstShard, stream.Position{})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := s.Get(t.Context(), it, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range batch.Records {
		joined += string(r.Data)
	}
	return joined
}

func TestEachFaultOfAGetDoesWhatItIsFor(t *testing.T) {
	s := openEvents(t)
	two := []stream.Record{{PartitionKey: "key", Data: []byte("a")}, {PartitionKey: "key", Data: []byte("b")}}
	if _, err := s.Put(t.Context(), "events", two); err != nil {
		t.Fatal(err)
	}
	it, err := s.Iterator(t.Context(), "events", firstShard, stream.Position{})
	if err != nil {
		t.Fatal(err)
	}
	s.Fail(faults.Chances{Throttle: 100})
	if _, err := s.Get(t.Context(), it, 1); !errors.Is(err, stream.ErrThrottled) {
		t.Errorf("throttled: %v", err)
	}
	s.Fail(faults.Chances{Expire: 100})
	if _, err := s.Get(t.Context(), it, 1); !errors.Is(err, stream.ErrExpiredIterator) {
		t.Errorf("expired: %v", err)
	}
	s.Fail(faults.Chances{Empty: 100})
	batch, err := s.Get(t.Context(), it, 1)
	if err != nil || len(batch.Records) != 0 || batch.Next == "" || batch.Behind == 0 {
		t.Errorf("empty: %+v, %v", batch, err)
	}
	if fired := s.Fired(); fired != (faults.Fired{Empty: 1}) {
		t.Errorf("fired %+v", fired)
	}
	if _, err := s.Get(t.Context(), "none", 1); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("an iterator that is none: %v", err)
	}
	s.Fail(faults.Chances{})
	if batch, err = s.Get(t.Context(), batch.Next, 10); err != nil || len(batch.Records) != 2 {
		t.Errorf("after an empty answer: %+v, %v", batch, err)
	}
}

func TestTheSameSeedGivesTheSameFaults(t *testing.T) {
	pattern := func(seed uint64) string {
		s := openEvents(t)
		s.Fail(faults.Chances{Seed: seed, Refuse: 30, Lose: 30, LoseCall: 10})
		out := ""
		for range 40 {
			puts, err := s.Put(context.Background(), "events", []stream.Record{{PartitionKey: "a"}, {PartitionKey: "b"}})
			out += fmt.Sprint(err != nil)
			for _, put := range puts {
				out += fmt.Sprint(put.Err)
			}
		}
		return out
	}
	first, again, other := pattern(1), pattern(1), pattern(2)
	if first != again || first == other {
		t.Error("faults do not follow from their seed")
	}
}
