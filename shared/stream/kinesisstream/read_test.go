package kinesisstream_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/stream"
)

// found returns an answer of GetRecords with at most one record; next is empty at the end of the
// shard.
func found(sequence, next string, behind int) reply {
	record, more := "", ""
	if sequence != "" {
		record = fmt.Sprintf(`{"SequenceNumber":%q,"PartitionKey":"a","Data":"eA==","ApproximateArrivalTimestamp":1795753982.915}`, sequence)
	}
	if next != "" {
		more = fmt.Sprintf(`,"NextShardIterator":%q`, next)
	}
	return ok(`{"Records":[%s],"MillisBehindLatest":%d%s}`, record, behind, more)
}

func TestPositionsAreProven(t *testing.T) {
	empty := found("", "on", 50)
	for _, c := range []struct {
		name  string
		where stream.Where
		reads []reply
		want  string // the iterator
		err   error
		made  int // reads made, at the least pace that the shard allows
	}{
		{"at a record", stream.AtSequence, []reply{found("49", "next", 9)}, "first", nil, 1},
		{"after a record", stream.AfterSequence, []reply{found("49", "next", 9)}, "next", nil, 1},
		{"after the last of a closed shard", stream.AfterSequence, []reply{found("49", "", 0)}, "end-of-shard", nil, 1},
		{"at the last of a closed shard", stream.AtSequence, []reply{found("49", "", 0)}, "first", nil, 1},
		{"at a trimmed record", stream.AtSequence, []reply{found("57", "next", 9)}, "", stream.ErrTrimmed, 1},
		{"after a trimmed record", stream.AfterSequence, []reply{found("57", "next", 9)}, "", stream.ErrTrimmed, 1},
		{"after empty reads", stream.AfterSequence, []reply{empty, empty, found("49", "next", 0)}, "next", nil, 3},
		{"trimmed, after empty reads", stream.AfterSequence, []reply{empty, empty, found("57", "next", 0)}, "", stream.ErrTrimmed, 3},
		{"empty reads without end", stream.AfterSequence, []reply{empty}, "", stream.ErrTrimmed, 5},
		{"put just now", stream.AtSequence, []reply{found("", "on", 0), found("49", "next", 0)}, "on", nil, 2},
		{"at, told an earlier one first", stream.AtSequence, []reply{found("48", "on", 0), found("49", "next", 0)}, "on", nil, 2},
		{"after, told an earlier one first", stream.AfterSequence, []reply{found("48", "on", 0), found("49", "next", 0)}, "next", nil, 2},
		{"nothing up to the tip", stream.AtSequence, []reply{found("", "on", 0)}, "", stream.ErrTrimmed, 2},
		{"a closed shard without it", stream.AtSequence, []reply{found("", "", 0)}, "", stream.ErrTrimmed, 1},
		{"refused", stream.AfterSequence, []reply{fails("ProvisionedThroughputExceededException")}, "", stream.ErrThrottled, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f := open(t, map[string][]reply{"GetShardIterator": {ok(`{"ShardIterator":"first"}`)}, "GetRecords": c.reads})
				start := time.Now()
				got, err := s.Iterator(t.Context(), "bank-events", "shardId-1", stream.Position{Where: c.where, Sequence: "49"})
				if got != c.want || !errors.Is(err, c.err) || f.calls("GetRecords") != c.made {
					t.Fatalf("iterator %q, %v, by %d reads", got, err, f.calls("GetRecords"))
				}
				if pace := 200 * time.Millisecond * time.Duration(c.made-1); time.Since(start) < pace {
					t.Errorf("%d reads in %v", c.made, time.Since(start))
				}
				want := map[string]any{
					"StreamName": "bank-events", "ShardId": "shardId-1", "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "49",
				}
				if in := f.last("GetShardIterator"); !reflect.DeepEqual(in, want) {
					t.Errorf("asked for %v", in)
				}
				if in, on := f.last("GetRecords"), "on"; in["Limit"] != 1.0 || c.made > 1 && in["ShardIterator"] != on {
					t.Errorf("read by %v", in)
				}
			})
		})
	}
}

func TestForeignSequence(t *testing.T) {
	s, _ := open(t, map[string][]reply{"GetShardIterator": {fails("InvalidArgumentException")}})
	for _, where := range []stream.Where{stream.AtSequence, stream.AfterSequence} {
		_, err := s.Iterator(t.Context(), "bank-events", "shardId-1", stream.Position{Where: where, Sequence: "49"})
		if !errors.Is(err, stream.ErrTrimmed) || errors.Is(err, stream.ErrInvalid) {
			t.Errorf("a sequence of another shard: %v", err)
		}
	}
	for _, at := range []stream.Position{
		{Where: stream.AtSequence}, {Where: stream.AfterSequence, Sequence: "049"}, {Where: stream.AtSequence, Sequence: "4x"},
		{Where: stream.AtSequence, Sequence: strings.Repeat("1", 57)}, {Where: 99},
	} {
		if _, err := s.Iterator(t.Context(), "bank-events", "shardId-1", at); !errors.Is(err, stream.ErrInvalid) {
			t.Errorf("position %+v: %v", at, err)
		}
	}
}

func TestPlainPositions(t *testing.T) {
	for where, kind := range map[stream.Where]string{stream.TrimHorizon: "TRIM_HORIZON", stream.Latest: "LATEST"} {
		s, f := open(t, map[string][]reply{"GetShardIterator": {ok(`{"ShardIterator":"first"}`)}})
		got, err := s.Iterator(t.Context(), "bank-events", "shardId-1", stream.Position{Where: where})
		if in := f.last("GetShardIterator"); got != "first" || err != nil || in["ShardIteratorType"] != kind {
			t.Errorf("%s: iterator %q, %v, by %v", kind, got, err, in)
		}
	}
}

func TestTimesBeforeTheRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := open(t, map[string][]reply{"GetShardIterator": {ok(`{"ShardIterator":"first"}`)}})
		at := func(ago time.Duration) error {
			_, err := s.Iterator(t.Context(), "bank-events", "shardId-1", stream.Position{Where: stream.AtTime, Time: time.Now().Add(-ago)})
			return err
		}
		if err := at(23 * time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, want := f.last("GetShardIterator")["Timestamp"], float64(time.Now().Add(-23*time.Hour).Unix()); got != want {
			t.Errorf("asked for %v, want %v", got, want)
		}
		// An iterator may be used some minutes after it was made.
		for _, ago := range []time.Duration{24*time.Hour - 4*time.Minute, 24 * time.Hour, 240 * time.Hour} {
			if err := at(ago); !errors.Is(err, stream.ErrTrimmed) {
				t.Errorf("%v ago: %v", ago, err)
			}
		}
	})
}

func TestGet(t *testing.T) {
	s, f := open(t, map[string][]reply{"GetRecords": {found("49", "next", 1500), found("", "", 0)}})
	got, err := s.Get(t.Context(), "iterator", 10)
	want := stream.Batch{Next: "next", Behind: 1500 * time.Millisecond, Records: []stream.Delivered{{
		Record: stream.Record{PartitionKey: "a", Data: []byte("x")}, Sequence: "49", Arrived: time.UnixMilli(1795753982915).UTC(),
	}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if in := f.last("GetRecords"); !reflect.DeepEqual(in, map[string]any{"ShardIterator": "iterator", "Limit": 10.0}) {
		t.Errorf("read by %v", in)
	}
	for _, iterator := range []string{"next", "end-of-shard"} {
		got, err := s.Get(t.Context(), iterator, 10)
		if err != nil || got.Next != "" || got.Behind != 0 || len(got.Records) > 0 {
			t.Errorf("%s, where the shard ends: %+v, %v", iterator, got, err)
		}
	}
	if n := f.calls("GetRecords"); n != 2 {
		t.Errorf("%d calls: the end of a shard needs none", n)
	}
	if _, err := s.Get(t.Context(), "end-of-shard", 0); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("limit 0: %v", err)
	}
}

// A batch with an invalid sequence number is refused: it could not be the position of a checkpoint
// or of a segment.
func TestSequenceNumbersAreCheckedWhereRecordsComeIn(t *testing.T) {
	for sequence, fine := range map[string]bool{
		"49590338271490256608559692538361571095921575989136588898": true, "1": true,
		"000000017959608946110000000013": false, "": false, "12a": false, "-1": false, "1 ": false,
	} {
		s, _ := open(t, map[string][]reply{"GetRecords": {ok(
			`{"Records":[{"SequenceNumber":"7","PartitionKey":"k","Data":"e30="},{"SequenceNumber":%q,"PartitionKey":"k","Data":"e30="}],"NextShardIterator":"next"}`, sequence)}})
		batch, err := s.Get(t.Context(), "iterator", 10)
		if fine != (err == nil) || fine != (len(batch.Records) == 2) {
			t.Errorf("%q: %d records, %v", sequence, len(batch.Records), err)
		}
	}
}
