package archiver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/consumer"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

const lease = 10 * time.Second

// remote is a bucket far away that has no segment of the shard, and counts its listings.
type remote struct {
	bucket.Bucket
	away  time.Duration
	lists atomic.Int64
}

func (r *remote) List(ctx context.Context, prefix, _ string) (bucket.Page, error) {
	r.lists.Add(1)
	select {
	case <-time.After(r.away):
		if prefix == "events/v1/" {
			return bucket.Page{Objects: []bucket.Info{{Key: prefix + "of another shard"}}}, nil
		}
		return bucket.Page{}, nil
	case <-ctx.Done():
		return bucket.Page{}, ctx.Err()
	}
}

// old is a stream that was created long ago.
type old struct {
	*faults.Stream
	age time.Duration
}

func (o old) Created(ctx context.Context, name string) (time.Time, error) {
	created, err := o.Stream.Created(ctx, name)
	return created.Add(-o.age), err
}

// under runs a worker on a shard of an old stream, for a while of virtual time.
func under(t *testing.T, age time.Duration, open consumer.Opener, lasts time.Duration) {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	store := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...)
	if err := store.Streams.CreateStream(t.Context(), "events", 1); err != nil {
		t.Fatal(err)
	}
	worker := consumer.New(consumer.Config{
		Runtime: consumer.Runtime{Stream: "events", Owner: "a", Lease: lease, Table: store.Table, Streams: old{store.Streams, age}, Log: quiet},
		Name:    Name, Open: open,
	})
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if err := worker.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(lasts)
	cancel()
	work.Wait()
	time.Sleep(2 * time.Minute) // a call that ignores its context ends too
}

// A shard of an old stream without a segment, as after a split, is found to have none with any
// distance to the bucket: days are listed concurrently, and the search does not begin again because
// it took longer than a lease.
func TestOpen_SearchesAnOldStreamWithoutASegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const days = 400
		far := &remote{away: 2 * time.Second}
		a, err := New(Config{Bucket: far})
		if err != nil {
			t.Fatal(err)
		}
		var opened, failed atomic.Int64
		under(t, days*24*time.Hour, func(ctx context.Context, on consumer.Shard, checkpoint string) (consumer.Handler, error) {
			began := time.Now()
			h, err := a.Open(ctx, on, checkpoint)
			if err != nil {
				failed.Add(1)
				return nil, err
			}
			opened.Add(1)
			if took := time.Since(began); took < lease || took > 4*lease {
				t.Errorf("opened in %v", took)
			}
			return h, nil
		}, time.Minute)
		if opened.Load() != 1 || failed.Load() != 0 || far.lists.Load() > days+6 {
			t.Errorf("opened %d times, failed %d times, %d listings", opened.Load(), failed.Load(), far.lists.Load())
		}
	})
}

// waiting is a handler whose batches take a while.
type waiting func(ctx context.Context) error

func (w waiting) Handle(ctx context.Context, _ consumer.Batch) (string, error) { return "", w(ctx) }

func (waiting) Close() error { return nil }

// A slow call keeps its shard while it may last, and one that ignores the end of its context loses
// it.
func TestWithKeepAlive_KeepsTheShardWhileACallMayLast(t *testing.T) {
	for name, tt := range map[string]struct {
		takes, most time.Duration
		obeys       bool
		handlers    int64 // that are opened in 2 minutes
		err         error
	}{
		"slow":                {30 * time.Second, time.Minute, true, 1, nil},
		"ends in its time":    {time.Hour, 40 * time.Second, true, 3, context.DeadlineExceeded},
		"ignores its context": {70 * time.Second, 5 * time.Second, false, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var opened atomic.Int64
				under(t, 0, func(context.Context, consumer.Shard, string) (consumer.Handler, error) {
					opened.Add(1)
					return waiting(func(ctx context.Context) error {
						err := withKeepAlive(ctx, tt.most, func(ctx context.Context) error {
							if !tt.obeys {
								time.Sleep(tt.takes)
								return nil
							}
							select {
							case <-time.After(tt.takes):
								return nil
							case <-ctx.Done():
								return ctx.Err()
							}
						})
						if !errors.Is(err, tt.err) && !errors.Is(err, context.Canceled) {
							t.Errorf("ended with %v", err)
						}
						return err
					}), nil
				}, 2*time.Minute)
				if opened.Load() != tt.handlers {
					t.Errorf("%d handlers, want %d", opened.Load(), tt.handlers)
				}
			})
		})
	}
}

// ends is a bucket that notes the calls whose context has no deadline, which a call under
// withKeepAlive has. An upload to it is answered as if another archiver had been faster, as when a
// first answer is lost.
type ends struct {
	bucket.Bucket
	mu    sync.Mutex
	calls map[string]int
	hasty []string
}

func (e *ends) note(ctx context.Context, call string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[call]++
	end, bounded := ctx.Deadline()
	if left := time.Until(end); !bounded || left < maxCall/2 || left > maxSearch {
		e.hasty = append(e.hasty, call)
	}
}

func (e *ends) Create(ctx context.Context, key string, data []byte) error {
	e.note(ctx, "create")
	return errors.Join(e.Bucket.Create(ctx, key, data), bucket.ErrExists)
}

func (e *ends) Open(ctx context.Context, key string) (bucket.Object, error) {
	e.note(ctx, "open")
	return e.Bucket.Open(ctx, key)
}

func (e *ends) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	e.note(ctx, "list")
	return e.Bucket.List(ctx, prefix, after)
}

// The archiver makes every call to its bucket under withKeepAlive: to find the end of a chain, to
// upload a segment, to adopt one, and to mark the end. They are not made in virtual time, since the
// compressor of segments is shared by all tests.
func TestArchiver_KeepsItsLeaseDuringEveryCallToTheBucket(t *testing.T) {
	disk, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &ends{Bucket: disk, calls: map[string]int{}}
	a, err := New(Config{Bucket: b, Now: func() time.Time { return archivetest.Start }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	on := consumer.Shard{Stream: "events", Created: archivetest.Start.Truncate(time.Second), ID: "shardId-000000000000"}
	var batch []consumer.Delivery
	for _, rec := range archivetest.Records(archivetest.Bank(20, 3, 50)) {
		batch = append(batch, consumer.Delivery{Sequence: rec.Sequence, Arrived: rec.Arrived, Entry: rec.Entry})
	}
	for _, checkpoint := range []string{"", batch[len(batch)-1].Sequence} {
		h, err := a.Open(t.Context(), on, checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := h.Handle(t.Context(), consumer.Batch{Deliveries: batch, Ended: true}); err != nil {
			t.Fatalf("checkpoint %q, %v", got, err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.hasty) > 0 || b.calls["create"] != 3 || b.calls["open"] != 2 || b.calls["list"] == 0 {
		t.Errorf("%v of %v have no patience", b.hasty, b.calls)
	}
}
