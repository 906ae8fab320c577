package pebblestream

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"passbook/shared/embedded"
	"passbook/shared/stream"
)

// tailRun is a stream whose tail is compared with its database.
type tailRun struct {
	*rapid.T
	fs    *vfs.MemFS
	db    *embedded.DB
	s     *Stream
	puts  int
	most  int
	seen  map[shardKey][]uint64 // the numbers that were put on each shard
	times int                   // how often the tail was asked and had all
}

func (r *tailRun) open() {
	var err error
	if r.db, err = embedded.Open(embedded.Options{Dir: "data", FS: r.fs, NoSync: true, CacheBytes: 1 << 20, MemTableBytes: 1 << 20}); err != nil {
		r.Fatal(err)
	}
	if r.s, err = New(r.db, Options{TailBytes: r.most}); err != nil {
		r.Fatal(err)
	}
}

func (r *tailRun) put() {
	records := make([]stream.Record, rapid.IntRange(1, 6).Draw(r.T, "records"))
	for i := range records {
		r.puts++
		records[i] = stream.Record{PartitionKey: fmt.Sprint(rapid.IntRange(0, 20).Draw(r.T, "key")), Data: fmt.Appendf(make([]byte, 0, 100), "record %d", r.puts)}
	}
	results, err := r.s.Put(r.Context(), "events", records)
	if err != nil {
		r.Fatal(err)
	}
	for i, result := range results {
		clear(records[i].Data) // the caller's again
		at, err := r.s.lookUp("events", result.Shard)
		if err != nil {
			r.Fatal(err)
		}
		sequence, err := parseSequence(result.Sequence)
		if err != nil {
			r.Fatal(err)
		}
		r.seen[at] = append(r.seen[at], sequence)
	}
}

// openShards returns the ids of the open shards in the order of their hash keys.
func (r *tailRun) openShards() (ids []string) {
	m := r.s.state.staged["events"]
	for _, i := range m.open {
		ids = append(ids, m.Shards[i].id)
	}
	return ids
}

func (r *tailRun) split() {
	if err := r.s.Split(r.Context(), "events", rapid.SampledFrom(r.openShards()).Draw(r.T, "shard")); err != nil {
		r.Fatal(err)
	}
}

func (r *tailRun) merge() {
	ids := r.openShards()
	if len(ids) < 2 {
		return
	}
	i := rapid.IntRange(0, len(ids)-2).Draw(r.T, "shard")
	if err := r.s.Merge(r.Context(), "events", ids[i], ids[i+1]); err != nil {
		r.Fatal(err)
	}
}

func (r *tailRun) trim() {
	m := r.s.state.staged["events"]
	shard := rapid.SampledFrom(m.Shards).Draw(r.T, "shard")
	numbers := r.seen[shardKey{m.ID, shard.Number}]
	if len(numbers) == 0 {
		return
	}
	if err := r.s.Trim(r.Context(), "events", shard.id, formatSequence(rapid.SampledFrom(numbers).Draw(r.T, "before"))); err != nil {
		r.Fatal(err)
	}
}

func (r *tailRun) reopen() {
	if err := r.db.Close(); err != nil {
		r.Fatal(err)
	}
	r.open()
}

// check compares what the tail and the database have after some numbers of each shard.
func (r *tailRun) check() {
	m := r.s.state.staged["events"]
	for _, shard := range m.Shards {
		at := shardKey{m.ID, shard.Number}
		limit := rapid.IntRange(1, 10).Draw(r.T, "limit")
		r.compare(at, 0, limit)
		for range min(len(r.seen[at]), 5) {
			number := rapid.SampledFrom(r.seen[at]).Draw(r.T, "number")
			r.compare(at, number, limit)
			r.compare(at, number+1, limit)
		}
	}
	held, t := 0, &r.s.state.tail
	for _, of := range t.shards {
		for _, k := range of.records {
			held += k.bytes()
		}
	}
	if held != t.bytes || held > r.most {
		r.Fatalf("the tail counts %d bytes and has %d; its bound is %d", t.bytes, held, r.most)
	}
}

func (r *tailRun) compare(at shardKey, next uint64, limit int) {
	lost := r.s.state.trims.get(at).Sequence
	memory := reader{ctx: r.Context(), at: at, next: next, limit: limit}
	if next <= lost || !r.s.state.tail.read(&memory) {
		return
	}
	r.times++
	disk := reader{ctx: r.Context(), at: at, next: next, limit: limit}
	view, err := r.db.View()
	if err != nil {
		r.Fatal(err)
	}
	defer r.db.Release(view)
	if err := disk.read(view); err != nil {
		r.Fatal(err)
	}
	got, want := memory.batch(false, time.Time{}), disk.batch(false, time.Time{})
	if got.Behind, want.Behind = 0, 0; memory.more != disk.more || got.Next != want.Next || len(got.Records)+len(want.Records) > 0 && !reflect.DeepEqual(got, want) {
		r.Fatalf("after %d on %v the tail has\n%v\nand the database\n%v", next, at, got, want)
	}
}

// What the tail has is what the database has: from each place on each shard, through splits,
// merges, trims and restarts, with a bound that drops records.
func TestTailReadsWhatIsStored(t *testing.T) {
	times := 0
	rapid.Check(t, func(t *rapid.T) {
		r := &tailRun{T: t, fs: vfs.NewMem(), most: rapid.IntRange(1, 5000).Draw(t, "most"), seen: map[shardKey][]uint64{}}
		r.open()
		defer func() { _ = r.db.Close() }()
		if err := r.s.CreateStream(t.Context(), "events", 2); err != nil {
			t.Fatal(err)
		}
		step := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
		t.Repeat(map[string]func(*rapid.T){
			"put": step(r.put), "put again": step(r.put), "split": step(r.split), "merge": step(r.merge), "trim": step(r.trim),
			"reopen": step(r.reopen), "": step(r.check),
		})
		times += r.times
	})
	if times == 0 {
		t.Error("the tail had nothing of what was asked for")
	}
}

// A reader that follows a shard reads its records from memory, and one that is further behind from
// the database.
func TestReadersThatFollowReadFromMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &tailRun{T: t, fs: vfs.NewMem(), most: 10 << 10, seen: map[shardKey][]uint64{}}
		r.open()
		defer func() { _ = r.db.Close() }()
		if err := r.s.CreateStream(t.Context(), "events", 1); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			r.put()
		}
		for at, numbers := range r.seen {
			for i, from := range []uint64{numbers[len(numbers)-2], numbers[0]} {
				if had := r.s.state.tail.read(&reader{at: at, next: from, limit: 10}); had != (i == 0) {
					t.Errorf("from %d of %d to %d: from memory is %v", from, numbers[0], numbers[len(numbers)-1], had)
				}
			}
		}
	})
}
