package pebblestream_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

const (
	crashChains    = 60
	crashesInChain = 5
)

// TestCrash cuts the power 300 times while records are put and read and shards split and merge:
// every record that was answered or read is at its position, and no sequence number is used twice.
func TestCrash(t *testing.T) {
	seen := outcomes{}
	for seed := range uint64(crashChains) {
		c := &crashRun{T: t, dice: rand.New(rand.NewPCG(seed, 3))}
		c.known = ledger{data: map[string]string{}, must: map[string]bool{}}
		fs := vfs.NewCrashableMem()
		for range crashesInChain {
			fs = c.cycle(fs, int(seed%5)*25, &seen)
		}
		db, s := c.open(fs)
		c.check(s, &seen)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// A test that never meets a resharded stream or a record beyond the answered ones proves
	// nothing about them.
	if seen.answered == 0 || seen.extra == 0 || seen.closed == 0 || seen.read == 0 {
		t.Errorf("of the outcomes these came about: %+v", seen)
	}
	t.Logf("%d crashes: %+v", crashChains*crashesInChain, seen)
}

// outcomes counts the outcomes of puts.
type outcomes struct{ answered, read, extra, closed int }

// ledger is what is known of sequence numbers: the data of each, and which must exist.
type ledger struct {
	mu   sync.Mutex
	data map[string]string
	must map[string]bool
	// read counts records that were read before their put was answered.
	read int
}

// note records the data of a sequence number, and fails if the number had other data before.
func (l *ledger) note(sequence, data string, read bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, given := l.data[sequence]; given && before != data {
		return fmt.Errorf("sequence %s was given to %q and to %q", sequence, before, data)
	}
	if read && !l.must[sequence] {
		l.read++
	}
	l.data[sequence] = data
	l.must[sequence] = true
	return nil
}

type crashRun struct {
	*testing.T
	dice  *rand.Rand
	known ledger
	next  int
}

func (c *crashRun) open(fs vfs.FS) (*embedded.DB, *pebblestream.Stream) {
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: fs, CacheBytes: 1 << 20})
	if err != nil {
		c.Fatal(err)
	}
	s, err := pebblestream.New(db, pebblestream.Options{})
	if err != nil {
		c.Fatal(err)
	}
	return db, s
}

// cycle checks a stream, runs writers, a reader and a resharder on it, and returns the disk that a
// power cut at some moment leaves.
func (c *crashRun) cycle(fs *vfs.MemFS, unsynced int, seen *outcomes) *vfs.MemFS {
	db, s := c.open(fs)
	if err := s.CreateStream(c.Context(), "events", 2); err != nil {
		c.Fatal(err)
	}
	c.check(s, seen)
	ctx, cancel := context.WithCancel(c.Context())
	answered := make(chan struct{}, 1000)
	var group sync.WaitGroup
	for range 4 {
		c.next++
		id := c.next
		group.Go(func() { c.write(ctx, s, id, answered) })
	}
	group.Go(func() { c.read(ctx, s) })
	group.Go(func() { c.reshard(ctx, s) })
	for range c.dice.IntN(12) {
		<-answered
	}
	c.known.mu.Lock()
	must := maps.Clone(c.known.must)
	c.known.mu.Unlock()
	crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: c.dice})
	cancel()
	group.Wait()
	if err := db.Close(); err != nil {
		c.Fatal(err)
	}
	// The power cut took back what was answered or read after that moment.
	for sequence := range c.known.data {
		if !must[sequence] {
			delete(c.known.data, sequence)
		}
	}
	c.known.must = must
	seen.read += c.known.read
	c.known.read = 0
	return crashed
}

func (c *crashRun) failed(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		c.Errorf("%s: %v", what, err)
	}
}

// write makes puts of one to three records.
func (c *crashRun) write(ctx context.Context, s *pebblestream.Stream, id int, answered chan<- struct{}) {
	for n := 0; ctx.Err() == nil && n < 200; n++ {
		records := make([]stream.Record, 1+n%3)
		for i := range records {
			records[i] = stream.Record{PartitionKey: fmt.Sprint("key-", id, "-", i), Data: fmt.Appendf(nil, "%d/%d/%d/%0*d", id, n, i, id*n%700, 0)}
		}
		puts, err := s.Put(ctx, "events", records)
		if err != nil {
			c.failed("put", err)
			return
		}
		for i, put := range puts {
			c.failed("put", c.known.note(put.Sequence, string(records[i].Data), false))
		}
		select {
		case answered <- struct{}{}:
		default:
		}
	}
}

// read reads all shards: a record that was read must survive like one that was answered.
func (c *crashRun) read(ctx context.Context, s *pebblestream.Stream) {
	at := map[string]stream.Position{}
	for ctx.Err() == nil {
		shards, err := s.Shards(ctx, "events")
		if err != nil {
			c.failed("shards", err)
			return
		}
		for _, shard := range shards {
			it, err := s.Iterator(ctx, "events", shard.ID, at[shard.ID])
			if err != nil {
				c.failed("iterator", err)
				return
			}
			batch, err := s.Get(ctx, it, 100)
			c.failed("get", err)
			for _, d := range batch.Records {
				at[shard.ID] = stream.Position{Where: stream.AfterSequence, Sequence: d.Sequence}
				c.failed("read", c.known.note(d.Sequence, string(d.Data), true))
			}
		}
	}
}

// reshard alternately splits the lowest open shard and merges the two lowest.
func (c *crashRun) reshard(ctx context.Context, s *pebblestream.Stream) {
	for n := 0; ctx.Err() == nil && n < 6; n++ {
		shards, err := s.Shards(ctx, "events")
		if err != nil {
			c.failed("shards", err)
			return
		}
		shards = slices.DeleteFunc(shards, func(s stream.Shard) bool { return s.Closed })
		slices.SortFunc(shards, func(a, b stream.Shard) int { return a.FirstHash.Cmp(b.FirstHash) })
		if n%2 == 0 {
			err = s.Split(ctx, "events", shards[0].ID)
		} else {
			err = s.Merge(ctx, "events", shards[0].ID, shards[1].ID)
		}
		c.failed("reshard", err)
	}
}

// check compares the stored records with the ledger, and then records them in it.
func (c *crashRun) check(s *pebblestream.Stream, seen *outcomes) {
	ctx := c.Context()
	shards, err := s.Shards(ctx, "events")
	if err != nil {
		c.Fatal(err)
	}
	newest := "0"
	stored := map[string]bool{}
	for _, shard := range shards {
		if shard.Closed {
			seen.closed++
		}
		last := "0"
		for _, d := range c.all(s, shard) {
			if stream.CompareSequence(last, d.Sequence) >= 0 || stored[d.Sequence] {
				c.Fatalf("sequence %s after %s on %s", d.Sequence, last, shard.ID)
			}
			last = d.Sequence
			stored[d.Sequence] = true
			if !c.known.must[d.Sequence] {
				seen.extra++
			}
			if err := c.known.note(d.Sequence, string(d.Data), false); err != nil {
				c.Fatal(err)
			}
		}
		if stream.CompareSequence(last, newest) > 0 {
			newest = last
		}
	}
	for sequence := range c.known.must {
		if !stored[sequence] {
			c.Fatalf("record %s was answered or read, and is lost: %q", sequence, c.known.data[sequence])
		}
		seen.answered++
	}
	puts, err := s.Put(ctx, "events", []stream.Record{{PartitionKey: "check", Data: []byte("check")}})
	if err != nil || stream.CompareSequence(puts[0].Sequence, newest) <= 0 {
		c.Fatalf("put %v, %v; newest before the crash %s", puts, err, newest)
	}
	if err := c.known.note(puts[0].Sequence, "check", false); err != nil {
		c.Fatal(err)
	}
}

// all reads a shard to its newest record or its end.
func (c *crashRun) all(s *pebblestream.Stream, shard stream.Shard) (out []stream.Delivered) {
	it, err := s.Iterator(c.Context(), "events", shard.ID, stream.Position{})
	for err == nil {
		var batch stream.Batch
		batch, err = s.Get(c.Context(), it, 1000)
		out = append(out, batch.Records...)
		if it = batch.Next; it == "" || len(batch.Records) == 0 {
			break
		}
	}
	if err != nil || (it == "") != shard.Closed {
		c.Fatalf("read %s: %v, next %q, closed %v", shard.ID, err, it, shard.Closed)
	}
	return out
}
