package archiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"passbook/archiver"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var onShard = consumer.Shard{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), ID: "shardId-000000000000"}

var errFault = errors.New("planned fault")

// faulty fails the calls of a bucket that at names, counting all calls from 0. A failing Create may
// have happened. Days are listed concurrently, so which of them fails is up to chance.
type faulty struct {
	bucket.Bucket
	mu        sync.Mutex
	calls, at int
	happens   bool
	fired     int
}

func (f *faulty) fails() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.calls-1 != f.at {
		return false
	}
	f.fired++
	return true
}

func (f *faulty) Create(ctx context.Context, key string, data []byte) error {
	if f.fails() {
		if f.happens {
			if err := f.Bucket.Create(ctx, key, data); err != nil {
				return err
			}
		}
		return errFault
	}
	return f.Bucket.Create(ctx, key, data)
}

func (f *faulty) Open(ctx context.Context, key string) (bucket.Object, error) {
	if f.fails() {
		return nil, errFault
	}
	return f.Bucket.Open(ctx, key)
}

func (f *faulty) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	if f.fails() {
		return bucket.Page{}, errFault
	}
	return f.Bucket.List(ctx, prefix, after)
}

// reader stands for the consumer's worker: it feeds a shard's records and keeps the checkpoint that
// survives a crash.
type reader struct {
	records    []consumer.Delivery
	checkpoint string
	// forget drops that many checkpoints, as a crash between upload and checkpoint does.
	forget int
}

func deliveries(records []segment.Record) []consumer.Delivery {
	out := make([]consumer.Delivery, len(records))
	for i, rec := range records {
		out[i] = consumer.Delivery{Sequence: rec.Sequence, Arrived: rec.Arrived, Entry: rec.Entry}
	}
	return out
}

// run reads to the end in batches of size, and ends the shard if it is told to.
func (r *reader) run(ctx context.Context, open consumer.Opener, size int, ended bool) error {
	h, err := open(ctx, onShard, r.checkpoint)
	if err != nil {
		return err
	}
	defer h.Close()
	rest := r.records
	for len(rest) > 0 && stream.CompareSequence(rest[0].Sequence, r.checkpoint) <= 0 {
		rest = rest[1:]
	}
	for {
		n := min(size, len(rest))
		b := consumer.Batch{Shard: onShard, Deliveries: rest[:n], Ended: ended && n == len(rest)}
		if n < len(rest) {
			b.Behind = time.Hour
		}
		checkpoint, err := h.Handle(ctx, b)
		if err != nil {
			return err
		}
		if checkpoint != "" {
			if r.forget > 0 {
				r.forget--
				return errFault
			}
			r.checkpoint = checkpoint
		}
		rest = rest[n:]
		if len(rest) == 0 {
			return nil
		}
	}
}

func newArchiver(t testing.TB, b bucket.Bucket, change func(*archiver.Config)) *archiver.Archiver {
	t.Helper()
	c := archiver.Config{
		Bucket: b, SegmentRows: 200, Now: func() time.Time { return archivetest.Start },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&c)
	}
	a, err := archiver.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newBucket(t testing.TB) bucket.Bucket {
	t.Helper()
	b, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// check checks that the bucket has exactly these records, once each and in order, in one unbroken
// chain.
func check(t testing.TB, b bucket.Bucket, want []consumer.Delivery) {
	t.Helper()
	var link segment.Link
	i := 0
	for object, err := range archive.List(t.Context(), b) {
		if err != nil {
			t.Fatal(err)
		}
		opened, err := segment.Open(t.Context(), b, object.Key)
		if err != nil {
			t.Fatal(err)
		}
		if opened.Footer.Previous != link {
			t.Fatalf("%s follows %+v, want %+v", object.Key, opened.Footer.Previous, link)
		}
		link = segment.Link{Key: object.Key, Last: opened.Footer.Last}
		for rec, err := range opened.Records(segment.Exact) {
			if err != nil {
				t.Fatal(err)
			}
			if i == len(want) || rec.Sequence != want[i].Sequence || rec.Entry.Hash != want[i].Entry.Hash {
				t.Fatalf("record %d is %s of %s", i, rec.Sequence, object.Key)
			}
			i++
		}
	}
	if i != len(want) {
		t.Fatalf("%d records in the archive, want %d", i, len(want))
	}
}

func TestArchiver_SurvivesACrashAtEveryStep(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(3, 20, 600)))
	for _, happens := range []bool{false, true} {
		fired := 0
		for step := 0; ; step++ {
			disk := newBucket(t)
			f := &faulty{Bucket: disk, at: step, happens: happens}
			r := &reader{records: records}
			err := r.run(t.Context(), newArchiver(t, f, nil).Open, 37, true)
			if err != nil && !errors.Is(err, errFault) {
				t.Fatalf("step %d: %v", step, err)
			}
			if f.fired == 0 {
				if err != nil {
					t.Fatalf("step %d: %v", step, err)
				}
				break
			}
			fired++
			if err := r.run(t.Context(), newArchiver(t, disk, nil).Open, 41, true); err != nil {
				t.Fatalf("step %d, again: %v", step, err)
			}
			check(t, disk, records)
			if r.checkpoint != records[len(records)-1].Sequence {
				t.Fatalf("step %d: checkpoint %s", step, r.checkpoint)
			}
		}
		if fired < 5 {
			t.Fatalf("only %d faults fired", fired)
		}
	}
}

func TestArchiver_SurvivesACrashBetweenUploadAndCheckpoint(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(4, 20, 600)))
	disk := newBucket(t)
	r := &reader{records: records}
	crashes := 0
	for {
		r.forget = 1
		err := r.run(t.Context(), newArchiver(t, disk, nil).Open, 50, true)
		if err == nil {
			break
		}
		if !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		crashes++
		// The next start finds the segment and checkpoints it, without writing it twice.
		if err := r.run(t.Context(), newArchiver(t, disk, func(c *archiver.Config) { c.SegmentRows = 300 }).Open, 50, false); err != nil {
			t.Fatal(err)
		}
	}
	if crashes == 0 {
		t.Fatal("no crash happened")
	}
	check(t, disk, records)
}

// sealed is the segment of some of the records as another archiver would have written it.
func put(t *testing.T, b bucket.Bucket, records []consumer.Delivery, previous segment.Link) segment.Sealed {
	t.Helper()
	w := segment.NewWriter(1, "", segment.Source{Stream: onShard.Stream, Created: onShard.Created, Shard: onShard.ID}, previous)
	for _, d := range records {
		if err := w.Append(segment.Record{Sequence: d.Sequence, Arrived: d.Arrived, Entry: d.Entry}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), s.Key, s.Data); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestArchiver_AdoptsASegmentThatBeginsWithItsEntry(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(5, 10, 300)))
	for name, theirs := range map[string]int{"shorter": 40, "longer": 250} {
		t.Run(name, func(t *testing.T) {
			disk := newBucket(t)
			a := newArchiver(t, disk, func(c *archiver.Config) { c.SegmentRows = 100 })
			h, err := a.Open(t.Context(), onShard, "")
			if err != nil {
				t.Fatal(err)
			}
			// A second archiver is faster with the first segment.
			put(t, disk, records[:theirs], segment.Link{})
			_, err = h.Handle(t.Context(), consumer.Batch{Shard: onShard, Deliveries: records, Ended: true})
			h.Close()
			if name == "longer" && err != nil {
				t.Fatal(err)
			}
			r := &reader{records: records}
			if err := r.run(t.Context(), a.Open, 100, true); err != nil {
				t.Fatal(err)
			}
			check(t, disk, records)
		})
	}
}

// A conflict suspends its shard and is reported. Nothing is overwritten, and the shard is tried
// again later.
func TestArchiver_SuspendsAShardAtAForeignSegment(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(6, 10, 100)))
	foreign := deliveries(archivetest.Records(archivetest.Bank(7, 10, 100)))
	t.Run("at seal", func(t *testing.T) {
		disk := newBucket(t)
		a := newArchiver(t, disk, nil)
		h, err := a.Open(t.Context(), onShard, "")
		if err != nil {
			t.Fatal(err)
		}
		put(t, disk, foreign, segment.Link{})
		_, err = h.Handle(t.Context(), consumer.Batch{Deliveries: records, Ended: true})
		if !errors.Is(err, archiver.ErrDiverged) {
			t.Fatalf("got %v", err)
		}
		check(t, disk, foreign)
		rests(t, a, records)
		check(t, disk, foreign)
	})
	t.Run("of a newer program", func(t *testing.T) {
		defer forgetCompressors()
		synctest.Test(t, func(t *testing.T) {
			disk := newBucket(t)
			sealed := put(t, disk, records[:50], segment.Link{})
			newer := &renewed{Bucket: disk, key: sealed.Key, data: newerFormat(t, sealed)}
			a := newArchiver(t, newer, nil)
			rests(t, a, records)
			newer.key = "" // as after an update of the program
			time.Sleep(time.Minute)
			if err := (&reader{records: records}).run(t.Context(), a.Open, 10, true); err != nil || a.Ready() != nil || a.Stats().Suspended != 0 {
				t.Fatalf("%v; %v", err, a.Ready())
			}
			check(t, disk, records)
		})
	})
	t.Run("at start", func(t *testing.T) {
		disk := newBucket(t)
		put(t, disk, foreign, segment.Link{})
		a := newArchiver(t, disk, nil)
		err := (&reader{records: records}).run(t.Context(), a.Open, 10, true)
		if !errors.Is(err, archiver.ErrDiverged) {
			t.Fatalf("got %v", err)
		}
		rests(t, a, records)
	})
}

func TestArchiver_SealsByAge(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(8, 5, 20)))
	now := archivetest.Start
	disk := newBucket(t)
	a := newArchiver(t, disk, func(c *archiver.Config) {
		c.Now = func() time.Time { return now }
		c.SegmentAge = time.Minute
	})
	h, err := a.Open(t.Context(), onShard, "")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	handle := func(b consumer.Batch, want string) {
		t.Helper()
		got, err := h.Handle(t.Context(), b)
		if err != nil || got != want {
			t.Fatalf("checkpoint %q, %v; want %q", got, err, want)
		}
	}
	handle(consumer.Batch{Deliveries: records[:10]}, "")
	now = now.Add(59 * time.Second)
	handle(consumer.Batch{}, "")
	now = now.Add(time.Second)
	handle(consumer.Batch{}, records[9].Sequence)
	// An hour behind, the clock says nothing about age: a backlog must not give a segment a batch.
	now = now.Add(time.Hour)
	handle(consumer.Batch{Deliveries: records[10:15], Behind: time.Hour}, "")
	handle(consumer.Batch{Deliveries: records[15:], Behind: 0}, records[19].Sequence)
	check(t, disk, records)
}

func TestArchiver_DropsRepeatsAndSkipsRecordsWithoutAnEntry(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(9, 5, 30)))
	var noisy []consumer.Delivery
	for i, d := range records {
		d.Sequence = fmt.Sprintf("%d", 1000+10*i)
		records[i].Sequence = d.Sequence
		noisy = append(noisy, d)
		d.Sequence = fmt.Sprintf("%d", 1001+10*i)
		noisy = append(noisy, d, consumer.Delivery{Sequence: fmt.Sprintf("%d", 1002+10*i), Err: errors.New("garbage"), Data: []byte("{")})
	}
	disk := newBucket(t)
	a := newArchiver(t, disk, nil)
	r := &reader{records: noisy}
	if err := r.run(t.Context(), a.Open, 7, true); err != nil {
		t.Fatal(err)
	}
	check(t, disk, records)
	if want := noisy[len(noisy)-1].Sequence; r.checkpoint != want {
		t.Fatalf("checkpoint %s, want %s", r.checkpoint, want)
	}
	if got := a.Stats().Skipped; got != int64(len(records)) {
		t.Fatalf("%d skipped, want %d", got, len(records))
	}
	newer := []consumer.Delivery{{Sequence: "5000", Err: &event.FormatError{Format: 2}}}
	h, err := a.Open(t.Context(), onShard, "")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.Handle(t.Context(), consumer.Batch{Deliveries: newer}); err == nil {
		t.Fatal("an entry of a newer format was passed over")
	}
}

func TestArchiver_FlushSealsWhatWasPublishedBefore(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(10, 5, 30)))
	disk := newBucket(t)
	a := newArchiver(t, disk, nil)
	h, err := a.Open(t.Context(), onShard, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		var err error
		for rest := records; ctx.Err() == nil && err == nil; rest = rest[min(10, len(rest)):] {
			_, err = h.Handle(ctx, consumer.Batch{Deliveries: rest[:min(10, len(rest))], Behind: time.Duration(max(0, len(rest)-10))})
		}
		done <- err
	}()
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, disk, records)
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	h.Close()
	if err := a.Flush(t.Context()); err != nil {
		t.Fatalf("nothing is open, yet: %v", err)
	}
}

// forgetCompressors empties the pools of compressors, which all tests share: one that was made in
// virtual time works only there.
func forgetCompressors() {
	runtime.GC()
	runtime.GC()
}

func TestArchiver_FlushReportsThatAShardWasHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArchiver(t, newBucket(t), nil)
		h, err := a.Open(t.Context(), onShard, "")
		if err != nil {
			t.Fatal(err)
		}
		flushed := make(chan error)
		go func() { flushed <- a.Flush(t.Context()) }()
		synctest.Wait()
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-flushed; !errors.Is(err, archiver.ErrHandedOver) {
			t.Errorf("flushed with %v", err)
		}
	})
}

func TestArchiver_TheSameRecordsGiveTheSameBytes(t *testing.T) {
	records := deliveries(archivetest.Records(archivetest.Bank(11, 50, 2000)))
	var first map[string][]byte
	for _, size := range []int{1, 100, 2000} {
		disk := newBucket(t)
		a := newArchiver(t, disk, func(c *archiver.Config) { c.SegmentRows = 1500 })
		if err := (&reader{records: records}).run(t.Context(), a.Open, size, true); err != nil {
			t.Fatal(err)
		}
		objects := map[string][]byte{}
		for object, err := range archive.List(t.Context(), disk) {
			if err != nil {
				t.Fatal(err)
			}
			o, err := disk.Open(t.Context(), object.Key)
			if err != nil {
				t.Fatal(err)
			}
			objects[object.Key], err = io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
			if err != nil {
				t.Fatal(err)
			}
			o.Close()
		}
		if first == nil {
			first = objects
		}
		if len(objects) != len(first) || len(objects) < 2 {
			t.Fatalf("%d segments, want %d", len(objects), len(first))
		}
		for key, data := range objects {
			if !bytes.Equal(data, first[key]) {
				t.Fatalf("batches of %d: %s has other bytes", size, key)
			}
		}
	}
}

// After a clock was ahead for a while, segments are under future days, or later ones of a chain
// under earlier days. The end of the chain is found nevertheless, by searching all days before
// anything is called diverged.
func TestArchiver_FindsItsChainAfterAClockWasWrong(t *testing.T) {
	right := archivetest.Start.AddDate(0, 0, 10)
	for name, wrong := range map[string]int{"two days ahead": 2, "three days ahead": 3, "a year ahead": 365} {
		t.Run(name, func(t *testing.T) {
			disk := newBucket(t)
			all := archivetest.Records(archivetest.Bank(3, 20, 600))
			for i := range all {
				all[i].Arrived = right
				if i < 200 { // the first by the wrong clock
					all[i].Arrived = right.AddDate(0, 0, wrong)
				}
			}
			records := deliveries(all)
			r := &reader{records: records[:200]}
			for _, step := range []struct {
				now     time.Time
				records []consumer.Delivery
			}{
				{right.AddDate(0, 0, wrong), records[:200]}, {right, records[:400]}, {right, records}, {right.AddDate(0, 0, wrong), records},
			} {
				r.records = step.records
				a := newArchiver(t, disk, func(c *archiver.Config) { c.Now = func() time.Time { return step.now } })
				if err := r.run(t.Context(), a.Open, 37, true); err != nil {
					t.Fatalf("at %v: %v", step.now, err)
				}
			}
			plan, err := archive.LoadPlan(t.Context(), disk)
			if err != nil || len(plan.Gaps) != 0 || archived(t, disk) != len(records) {
				t.Fatalf("%v %v, %d of %d records", plan.Gaps, err, archived(t, disk), len(records))
			}
		})
	}
}
