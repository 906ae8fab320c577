package pebblestream_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"passbook/shared/embedded"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

const events = "events"

// newStream creates a stream of so many shards, with a clock that the test moves.
func newStream(t *testing.T, shards int, o pebblestream.Options) (*pebblestream.Stream, *clock) {
	t.Helper()
	c := &clock{}
	s := openStream(t, openDB(t, embedded.Options{NoSync: true, Now: c.Now}), o)
	if err := s.CreateStream(t.Context(), events, shards); err != nil {
		t.Fatal(err)
	}
	return s, c
}

func mustPut(t *testing.T, s *pebblestream.Stream, texts ...string) []stream.PutResult {
	t.Helper()
	var records []stream.Record
	for _, text := range texts {
		records = append(records, stream.Record{PartitionKey: "key", Data: []byte(text)})
	}
	puts, err := s.Put(t.Context(), events, records)
	if err != nil {
		t.Fatal(err)
	}
	return puts
}

func mustShards(t *testing.T, s *pebblestream.Stream) []stream.Shard {
	t.Helper()
	shards, err := s.Shards(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	return shards
}

// read returns the data on a shard from a position, as one text.
func read(t *testing.T, s *pebblestream.Stream, shard string, at stream.Position) (text, next string, err error) {
	t.Helper()
	it, err := s.Iterator(t.Context(), events, shard, at)
	if err != nil {
		return "", "", err
	}
	batch, err := s.Get(t.Context(), it, 1000)
	for _, d := range batch.Records {
		text += string(d.Data)
	}
	return text, batch.Next, err
}

func wantText(t *testing.T, s *pebblestream.Stream, shard, want string) {
	t.Helper()
	if got, _, err := read(t, s, shard, stream.Position{}); got != want || err != nil {
		t.Errorf("on %s: %q, %v, want %q", shard, got, err, want)
	}
}

func TestShardNamesAndRanges(t *testing.T) {
	s, _ := newStream(t, 0, pebblestream.Options{})
	shards := mustShards(t, s)
	if len(shards) != 4 {
		t.Fatalf("%d shards by default", len(shards))
	}
	quarter := new(big.Int).Lsh(big.NewInt(1), 126)
	for i, shard := range shards {
		first := new(big.Int).Mul(quarter, big.NewInt(int64(i)))
		if shard.ID != fmt.Sprintf("shardId-%012d", i) || shard.FirstHash.Cmp(first) != 0 {
			t.Errorf("shard %d: %+v", i, shard)
		}
	}
}

func TestCreateStreamAgain(t *testing.T) {
	s, _ := newStream(t, 2, pebblestream.Options{})
	put := mustPut(t, s, "a")[0]
	if err := s.CreateStream(t.Context(), events, 5); err != nil || len(mustShards(t, s)) != 2 {
		t.Fatalf("made again: %v, %d shards", err, len(mustShards(t, s)))
	}
	wantText(t, s, put.Shard, "a")
	for _, shards := range []int{-1, 10001} {
		if err := s.CreateStream(t.Context(), "other", shards); !errors.Is(err, stream.ErrInvalid) {
			t.Errorf("%d shards: %v", shards, err)
		}
	}
	if err := s.CreateStream(t.Context(), "", 1); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("no name: %v", err)
	}
}

// TestRecreatedStream deletes and creates a stream ten times within one second.
func TestRecreatedStream(t *testing.T) {
	s, _ := newStream(t, 1, pebblestream.Options{})
	last, err := s.Created(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	sequence := mustPut(t, s, "a")[0].Sequence
	for range 10 {
		if err := s.DeleteStream(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteStream(t.Context(), events); !errors.Is(err, stream.ErrNotFound) {
			t.Fatalf("deleted twice: %v", err)
		}
		if err := s.CreateStream(t.Context(), events, 1); err != nil {
			t.Fatal(err)
		}
		at, err := s.Created(t.Context(), events)
		if err != nil || !at.After(last) {
			t.Fatalf("created %v after %v, %v", at, last, err)
		}
		last = at
		wantText(t, s, "shardId-000000000000", "")
		next := mustPut(t, s, "b")[0].Sequence
		if stream.CompareSequence(next, sequence) <= 0 {
			t.Fatalf("sequence %s after %s", next, sequence)
		}
		sequence = next
	}
}

func TestReshardRefused(t *testing.T) {
	s, _ := newStream(t, 3, pebblestream.Options{})
	ctx := t.Context()
	id := func(n int) string { return fmt.Sprintf("shardId-%012d", n) }
	for name, c := range map[string]struct{ got, want error }{
		"split of no shard":       {s.Split(ctx, events, id(9)), stream.ErrNotFound},
		"split of no stream":      {s.Split(ctx, "none", id(0)), stream.ErrNotFound},
		"merge with itself":       {s.Merge(ctx, events, id(0), id(0)), stream.ErrInvalid},
		"merge across a gap":      {s.Merge(ctx, events, id(0), id(2)), stream.ErrInvalid},
		"merge with no shard":     {s.Merge(ctx, events, id(0), id(9)), stream.ErrNotFound},
		"trim of no shard":        {s.Trim(ctx, events, id(9), "1"), stream.ErrNotFound},
		"trim of no stream":       {s.Trim(ctx, "none", id(0), "1"), stream.ErrNotFound},
		"trim before no sequence": {s.Trim(ctx, events, id(0), "x"), stream.ErrInvalid},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if err := s.Merge(ctx, events, id(1), id(0)); err != nil {
		t.Errorf("merge of the higher with the lower: %v", err)
	}
	if err := s.Split(ctx, events, id(0)); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("split of a closed shard: %v", err)
	}
}

func TestSplitToTheLastHashKey(t *testing.T) {
	s, _ := newStream(t, 1, pebblestream.Options{})
	lowest := "shardId-000000000000"
	for range 128 {
		if err := s.Split(t.Context(), events, lowest); err != nil {
			t.Fatal(err)
		}
		for _, shard := range mustShards(t, s) {
			if !shard.Closed && shard.FirstHash.Sign() == 0 {
				lowest = shard.ID
			}
		}
	}
	if err := s.Split(t.Context(), events, lowest); !errors.Is(err, stream.ErrInvalid) {
		t.Fatalf("split of one hash key: %v", err)
	}
	mustPut(t, s, "a")
}

func TestRetention(t *testing.T) {
	s, c := newStream(t, 1, pebblestream.Options{Retention: time.Hour})
	shard := "shardId-000000000000"
	var puts []stream.PutResult
	for i := range 6 {
		puts = append(puts, mustPut(t, s, fmt.Sprint(i))...)
		c.Advance(19 * time.Minute)
	}
	// 114 minutes have passed; the last three were put in the last hour.
	wantText(t, s, shard, "345")
	for i, put := range puts {
		_, _, err := read(t, s, shard, stream.Position{Where: stream.AfterSequence, Sequence: put.Sequence})
		if lost := i < 2; errors.Is(err, stream.ErrTrimmed) != lost {
			t.Errorf("after record %d: %v", i, err)
		}
	}
	if err := s.Split(t.Context(), events, shard); err != nil {
		t.Fatal(err)
	}
	c.Advance(59 * time.Minute)
	if n := len(mustShards(t, s)); n != 3 {
		t.Errorf("%d shards within the retention of the split", n)
	}
	c.Advance(2 * time.Minute)
	if n := len(mustShards(t, s)); n != 2 {
		t.Errorf("%d shards after the retention of the split", n)
	}
	if _, _, err := read(t, s, shard, stream.Position{}); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("the closed and empty shard: %v", err)
	}
	// A position at the end of an idle shard stays valid: no record after it was trimmed.
	put := mustPut(t, s, "last")[0]
	c.Advance(3 * time.Hour)
	after := stream.Position{Where: stream.AfterSequence, Sequence: put.Sequence}
	if text, next, err := read(t, s, put.Shard, after); text != "" || next == "" || err != nil {
		t.Errorf("after the last record, which was trimmed: %q, %v", text, err)
	}
	if _, _, err := read(t, s, put.Shard, stream.Position{Where: stream.AtSequence, Sequence: put.Sequence}); !errors.Is(err, stream.ErrTrimmed) {
		t.Errorf("at the last record, which was trimmed: %v", err)
	}
}

// TestTrimUnderReader trims the record of an iterator: the reader gets ErrTrimmed and is not moved.
func TestTrimUnderReader(t *testing.T) {
	s, _ := newStream(t, 1, pebblestream.Options{})
	puts := mustPut(t, s, "a", "b", "c", "d")
	shard := puts[0].Shard
	at := func(p stream.Position) string {
		it, err := s.Iterator(t.Context(), events, shard, p)
		if err != nil {
			t.Fatal(err)
		}
		return it
	}
	second := at(stream.Position{Where: stream.AtSequence, Sequence: puts[1].Sequence})
	fourth := at(stream.Position{Where: stream.AtSequence, Sequence: puts[3].Sequence})
	oldest := at(stream.Position{})
	if err := s.Trim(t.Context(), events, shard, puts[2].Sequence); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), second, 1); !errors.Is(err, stream.ErrTrimmed) {
		t.Errorf("at a trimmed record: %v", err)
	}
	for it, want := range map[string]string{fourth: "d", oldest: "c"} {
		if batch, err := s.Get(t.Context(), it, 1); err != nil || string(batch.Records[0].Data) != want {
			t.Errorf("batch %v, %v, want %s", batch, err, want)
		}
	}
	wantText(t, s, shard, "cd")
}

// stall is a disk whose next sync blocks.
type stall struct {
	on            atomic.Bool
	stands, going chan struct{}
}

func (s *stall) String() string { return "stall" }

func (s *stall) MaybeError(op errorfs.Op) error {
	sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
	if sync && s.on.CompareAndSwap(true, false) {
		close(s.stands)
		<-s.going
	}
	return nil
}

// TestPutDuringSplit puts a record while a split is being written to disk. Readers still see the
// shard open, but a record that landed on it now would come after its end.
func TestPutDuringSplit(t *testing.T) {
	disk := &stall{stands: make(chan struct{}), going: make(chan struct{})}
	db := openDB(t, embedded.Options{FS: errorfs.Wrap(vfs.NewMem(), disk)})
	s := openStream(t, db, pebblestream.Options{})
	if err := s.CreateStream(t.Context(), events, 1); err != nil {
		t.Fatal(err)
	}
	parent := mustPut(t, s, "before")[0].Shard
	disk.on.Store(true)
	split := make(chan error, 1)
	go func() { split <- s.Split(context.Background(), events, parent) }()
	<-disk.stands
	shards := mustShards(t, s)
	if len(shards) != 1 || shards[0].Closed {
		t.Errorf("a split is seen before it is durable: %v", shards)
	}
	landed := make(chan string, 1)
	go func() {
		puts, err := s.Put(context.Background(), events, []stream.Record{{PartitionKey: "key", Data: []byte("after")}})
		if err != nil {
			t.Error(err)
			puts = []stream.PutResult{{}}
		}
		landed <- puts[0].Shard
	}()
	awaitStaged(t, db)
	close(disk.going)
	if err := <-split; err != nil {
		t.Fatal(err)
	}
	if shard := <-landed; shard == parent {
		t.Error("the record is on the shard that was closed before it")
	}
	wantText(t, s, parent, "before")
}

// awaitStaged waits until the next group has another write.
func awaitStaged(t *testing.T, db *embedded.DB) {
	t.Helper()
	look, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	nothing := errors.New("nothing to write")
	for staged := false; !staged; {
		err := db.Commit(look, embedded.Write{Stage: func(group *pebble.Batch) error {
			staged = group.Count() > 0
			return nothing
		}})
		if !errors.Is(err, nothing) {
			t.Fatal(err)
		}
	}
}

func TestSequenceOfAnotherShard(t *testing.T) {
	s, _ := newStream(t, 1, pebblestream.Options{})
	put := mustPut(t, s, "a")[0]
	for name, sequence := range map[string]string{
		"of no record": "1", "of the future": put.Sequence + "0", "of 56 digits": strings.Repeat("9", 56),
	} {
		for _, where := range []stream.Where{stream.AtSequence, stream.AfterSequence} {
			if _, _, err := read(t, s, put.Shard, stream.Position{Where: where, Sequence: sequence}); !errors.Is(err, stream.ErrTrimmed) {
				t.Errorf("sequence %s: %v", name, err)
			}
		}
	}
}

func TestReopen(t *testing.T) {
	fs := vfs.NewMem()
	options := embedded.Options{Dir: "data", FS: fs}
	db, err := embedded.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	s := openStream(t, db, pebblestream.Options{})
	if err := s.CreateStream(t.Context(), events, 1); err != nil {
		t.Fatal(err)
	}
	puts := mustPut(t, s, "a", "b", "c")
	shard := puts[0].Shard
	if err := s.Trim(t.Context(), events, shard, puts[1].Sequence); err != nil {
		t.Fatal(err)
	}
	it, err := s.Iterator(t.Context(), events, shard, stream.Position{Where: stream.AtSequence, Sequence: puts[2].Sequence})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Split(t.Context(), events, shard); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), events, []stream.Record{{PartitionKey: "a"}}); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("put on a closed database: %v", err)
	}
	s = openStream(t, openDB(t, embedded.Options{FS: fs}), pebblestream.Options{})
	wantText(t, s, shard, "bc")
	if batch, err := s.Get(t.Context(), it, 10); err != nil || len(batch.Records) != 1 || batch.Next != "" {
		t.Errorf("an iterator from before: %v, %v", batch, err)
	}
	if _, _, err := read(t, s, shard, stream.Position{Where: stream.AtSequence, Sequence: puts[0].Sequence}); !errors.Is(err, stream.ErrTrimmed) {
		t.Errorf("a record trimmed before: %v", err)
	}
	if put := mustPut(t, s, "d")[0]; put.Shard == shard || stream.CompareSequence(put.Sequence, puts[2].Sequence) <= 0 {
		t.Errorf("put after the split: %+v", put)
	}
}

func TestGaps(t *testing.T) {
	s, _ := newStream(t, 1, pebblestream.Options{})
	puts := mustPut(t, s, strings.Split("a b c d e f g h i j", " ")...)
	first, last := new(big.Int), new(big.Int)
	first.SetString(puts[0].Sequence, 10)
	last.SetString(puts[9].Sequence, 10)
	if last.Sub(last, first).Int64() == 9 {
		t.Error("sequence numbers without a gap: callers could come to count on it")
	}
}

func TestArrivedOnAMissingShardReturnsAtOnce(t *testing.T) {
	s, _ := newStream(t, 1, pebblestream.Options{})
	for _, c := range []struct{ stream, shard string }{{"none", "shardId-000000000000"}, {events, "shardId-000000000009"}} {
		select {
		case <-s.Arrived(c.stream, c.shard):
		default:
			t.Errorf("a wait for %v does not return", c)
		}
	}
}
