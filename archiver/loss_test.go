package archiver_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/archiver"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// rests checks that a suspended shard takes nothing, keeps its lease, and is reported.
func rests(t *testing.T, a *archiver.Archiver, records []consumer.Delivery) {
	t.Helper()
	h, err := a.Open(t.Context(), onShard, "")
	if err != nil {
		t.Fatal(err)
	}
	if at, err := h.Handle(t.Context(), consumer.Batch{Deliveries: records}); at != "" || err != nil {
		t.Fatalf("a suspended shard is checkpointed at %q, %v", at, err)
	}
	if err := a.Ready(); err == nil || !strings.Contains(err.Error(), onShard.ID+": suspended") || a.Stats().Suspended != 1 || a.Suspended() == nil {
		t.Fatalf("%v; %+v", err, a.Stats())
	}
}

// renewed is a bucket in which one object is another's.
type renewed struct {
	bucket.Bucket
	key  string
	data []byte
}

func (r *renewed) Open(ctx context.Context, key string) (bucket.Object, error) {
	if key == r.key {
		return inMemory{bytes.NewReader(r.data)}, nil
	}
	return r.Bucket.Open(ctx, key)
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// newerFormat returns a segment whose footer has the format of a newer program, with a correct
// checksum.
func newerFormat(t *testing.T, sealed segment.Sealed) []byte {
	t.Helper()
	data := bytes.Clone(sealed.Data)
	footer := data[len(data)-8-int(binary.LittleEndian.Uint32(data[len(data)-8:])):]
	value := func(key string) []byte {
		at := bytes.Index(footer, []byte("passbook."+key+"\x18")) + len("passbook."+key) + 1
		return footer[at+1 : at+1+int(footer[at])]
	}
	value("format")[0] = '9'
	sum := value("sum")
	copy(sum, strings.Repeat("A", len(sum)))
	hash := sha256.Sum256(footer)
	base64.RawURLEncoding.Encode(sum, hash[:])
	return data
}

// shop is an archiver under its worker, on a stream of one shard.
type shop struct {
	t       *testing.T
	dir     string
	disk    bucket.Bucket
	control table.Table
	streams *faults.Stream
}

func newShop(t *testing.T) *shop {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...)
	s := &shop{t: t, dir: t.TempDir(), control: store.Table, streams: store.Streams}
	var err error
	if s.disk, err = dirbucket.New(s.dir); err != nil {
		t.Fatal(err)
	}
	if err := s.streams.CreateStream(t.Context(), "events", 1); err != nil {
		t.Fatal(err)
	}
	return s
}

// work archives all that is published until wanted entries are in readable segments, and ends the
// archiver.
func (s *shop) work(wanted int) *archiver.Archiver {
	s.t.Helper()
	a := newArchiver(s.t, s.disk, func(c *archiver.Config) { c.Now, c.SegmentAge, c.SegmentRows = time.Now, time.Hour, 100 })
	w := consumer.New(consumer.Config{
		Runtime: consumer.Runtime{
			Stream: "events", Owner: s.t.Name() + time.Now().String(), Exclusive: true, Lease: 2 * time.Second,
			Table: s.control, Streams: s.streams, Log: slog.New(slog.DiscardHandler),
		},
		Name: archiver.Name, Open: a.Open,
	})
	ctx, cancel := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			s.t.Error(err)
		}
	})
	await(s.t, func() bool { return a.Flush(s.t.Context()) == nil && s.whole() >= wanted })
	cancel()
	running.Wait()
	return a
}

// whole counts the different entries in segments that can be read.
func (s *shop) whole() int {
	s.t.Helper()
	seen := map[event.Hash]bool{}
	for object, err := range archive.List(s.t.Context(), s.disk) {
		if err != nil {
			s.t.Fatal(err)
		}
		opened, err := segment.Open(s.t.Context(), s.disk, object.Key)
		if errors.Is(err, segment.ErrDamaged) {
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		for rec, err := range opened.Records(segment.Exact) {
			if err != nil {
				s.t.Fatal(err)
			}
			seen[rec.Entry.Hash] = true
		}
	}
	return len(seen)
}

// holes counts the holes of the archiver.
func (s *shop) holes() int {
	s.t.Helper()
	holes, err := consumer.Holes(s.t.Context(), s.control, "events", archiver.Name)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(holes)
}

// segments returns the files of the archive, oldest first.
func (s *shop) segments() (files []string) {
	s.t.Helper()
	for object, err := range archive.List(s.t.Context(), s.disk) {
		if err != nil {
			s.t.Fatal(err)
		}
		files = append(files, filepath.Join(s.dir, filepath.FromSlash(object.Key)))
	}
	return files
}

// The end of the archive was lost, in each way: archiving continues nevertheless. What the stream
// still has is archived again, as the same segments; the rest is reported, and is archived when it
// is published again, as audit --repair does.
func TestArchiver_ContinuesAfterItLostItsEnd(t *testing.T) {
	remove := func(t *testing.T, files []string) {
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(to func(int64) int64) func(t *testing.T, files []string) {
		return func(t *testing.T, files []string) {
			newest := files[len(files)-1]
			info, err := os.Stat(newest)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Chmod(newest, 0o600), os.Truncate(newest, to(info.Size()))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		lose func(t *testing.T, files []string)
		// damaged says that what was lost lies there, and cannot be replaced.
		damaged bool
	}{
		"the newest is removed": {lose: func(t *testing.T, files []string) { remove(t, files[len(files)-1:]) }},
		"the newer are removed": {lose: func(t *testing.T, files []string) { remove(t, files[1:]) }},
		"all are removed":       {lose: remove},
		"the newest is cut":     {lose: cut(func(n int64) int64 { return n - 20 }), damaged: true},
		"the newest is empty":   {lose: cut(func(int64) int64 { return 0 }), damaged: true},
	} {
		for _, trimmed := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", and from the stream"}[trimmed], func(t *testing.T) {
				t.Parallel()
				loseTheEnd(t, tt.lose, tt.damaged, trimmed)
			})
		}
	}
}

func loseTheEnd(t *testing.T, lose func(t *testing.T, files []string), damaged, trimmed bool) {
	s := newShop(t)
	entries := archivetest.Bank(20, 5, 400)
	publish(t, s.streams, entries[:300])
	if a := s.work(300); a.Ready() != nil || a.Stats().Losses != 0 {
		t.Fatalf("%v, %+v", a.Ready(), a.Stats())
	}
	lose(t, s.segments())
	left := s.whole()
	publish(t, s.streams, entries[300:])
	if trimmed {
		s.trim(entries[300])
	}
	itself := 400
	if damaged || trimmed {
		itself = left + 100
	}
	a := s.work(itself)
	if got := s.whole(); got != itself || a.Stats().Losses != 1 {
		t.Errorf("%d entries, want %d; %+v", got, itself, a.Stats())
	}
	if named := a.Ready() != nil; named != damaged {
		t.Errorf("it is named %v: %v", named, a.Ready())
	}
	if holes := s.holes(); (holes > 0) != (trimmed && !damaged) {
		t.Errorf("%d holes", holes)
	}
	publish(t, s.streams, entries)
	s.work(400)
	plan, err := archive.LoadPlan(t.Context(), s.disk)
	if err != nil || s.whole() != 400 || (len(plan.Gaps) > 0) != (damaged || trimmed) || plan.Strays.Count > 0 {
		t.Errorf("%d entries, gaps %v, strays %v, %v", s.whole(), plan.Gaps, plan.Strays, err)
	}
}

// trim makes the stream forget what came before an entry.
func (s *shop) trim(before *event.Entry) {
	s.t.Helper()
	shards, err := s.streams.Shards(s.t.Context(), "events")
	if err != nil {
		s.t.Fatal(err)
	}
	sequence := s.sequence(shards[0].ID, before)
	if err := s.streams.Trim(s.t.Context(), "events", shards[0].ID, sequence); err != nil {
		s.t.Fatal(err)
	}
}

// sequence returns the sequence number of an entry's record.
func (s *shop) sequence(shard string, e *event.Entry) string {
	s.t.Helper()
	it, err := s.streams.Iterator(s.t.Context(), "events", shard, stream.Position{})
	if err != nil {
		s.t.Fatal(err)
	}
	batch, err := s.streams.Get(s.t.Context(), it, stream.MaxGetRecords)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range batch.Records {
		if got, err := event.DecodeRecord(d.Data); err == nil && got.Hash == e.Hash {
			return d.Sequence
		}
	}
	s.t.Fatal("the entry is not on the stream")
	return ""
}
