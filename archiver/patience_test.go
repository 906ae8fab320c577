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

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/embedded"
	"passbook/shared/journal"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table/pebbletable"
)

const lease = 10 * time.Second

// remote is an empty bucket far away, and counts its listings.
type remote struct {
	bucket.Bucket
	away  time.Duration
	lists atomic.Int64
}

func (r *remote) List(ctx context.Context, _, _ string) (bucket.Page, error) {
	r.lists.Add(1)
	select {
	case <-time.After(r.away):
		return bucket.Page{}, nil
	case <-ctx.Done():
		return bucket.Page{}, ctx.Err()
	}
}

// old is a stream that was created long ago.
type old struct {
	*pebblestream.Stream
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
	db, err := embedded.Open(embedded.Options{Dir: "bank", FS: vfs.NewMem(), NoSync: true, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	control, err := pebbletable.New(db, journal.Schemas...)
	if err != nil {
		t.Fatal(err)
	}
	streams, err := pebblestream.New(db, pebblestream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := streams.CreateStream(t.Context(), "events", 1); err != nil {
		t.Fatal(err)
	}
	worker := consumer.New(consumer.Config{
		Name: Name, Stream: "events", Owner: "a", Lease: lease, Table: control, Streams: old{streams, age}, Open: open, Log: quiet,
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
	time.Sleep(2 * time.Minute) // what heeds nothing ends too
}

// A shard of an old stream that has no segment yet, as after a split, is found to have none, however far the bucket is: not by a listing
// after the other, and not from the beginning again because that took longer than a lease.
func TestOpen_OldStreamWithoutASegment(t *testing.T) {
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
		if opened.Load() != 1 || failed.Load() != 0 || far.lists.Load() > days+2 {
			t.Errorf("opened %d times, failed %d times, %d listings", opened.Load(), failed.Load(), far.lists.Load())
		}
	})
}

// waiting is a handler whose batches take a while.
type waiting func(ctx context.Context) error

func (w waiting) Handle(ctx context.Context, _ consumer.Batch) (string, error) { return "", w(ctx) }

func (waiting) Close() error { return nil }

// A slow call keeps its shard as long as it may last, and one that does not heed its end loses it.
func TestPatiently_KeepsTheShardWhileACallMayLast(t *testing.T) {
	for name, tt := range map[string]struct {
		takes, most time.Duration
		heeds       bool
		handlers    int64 // that are opened in 2 minutes
		err         error
	}{
		"slow":             {30 * time.Second, time.Minute, true, 1, nil},
		"ends in its time": {time.Hour, 40 * time.Second, true, 3, context.DeadlineExceeded},
		"heeds nothing":    {70 * time.Second, 5 * time.Second, false, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var opened atomic.Int64
				under(t, 0, func(context.Context, consumer.Shard, string) (consumer.Handler, error) {
					opened.Add(1)
					return waiting(func(ctx context.Context) error {
						err := patiently(ctx, tt.most, func(ctx context.Context) error {
							if !tt.heeds {
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
