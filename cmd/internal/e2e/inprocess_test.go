package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/ops"
	"passbook/cmd/internal/programs/archiver"
	"passbook/cmd/internal/programs/balance"
	"passbook/cmd/internal/programs/credit"
	"passbook/cmd/internal/programs/creditlimit"
	"passbook/cmd/internal/programs/withdraw"
	"passbook/cmd/internal/programtest"
	"passbook/cmd/internal/serve"
	"passbook/shared/bucket"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// together is a fleet in this process, on one embedded engine.
type together struct {
	config platform.Config
	engine *platform.Engine
	log    *slog.Logger
}

var programs = map[string]serve.Program{
	"withdraw": withdraw.Program, "credit": credit.Program, "balance": balance.Program, "creditlimit": creditlimit.Program, "archiver": archiver.Program,
}

// newTogether opens an engine in an empty directory.
func newTogether(t *testing.T, shards int) *together {
	t.Helper()
	config, err := platform.FromEnv([]string{
		"PASSBOOK_DATA=" + t.TempDir(), fmt.Sprintf("PASSBOOK_SHARDS=%d", shards), "PASSBOOK_LISTEN=127.0.0.1:0", "PASSBOOK_LEASE=5s",
		"PASSBOOK_SEGMENT_AGE=1s", "PASSBOOK_DRAIN_DELAY=2s",
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &together{config: config, log: slog.New(slog.DiscardHandler)}
	if f.engine, err = platform.Open(t.Context(), config, jobs.Resources(), f.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.engine.CreateResources(t.Context()); err != nil {
		t.Fatal(err)
	}
	// as bank resources does
	if err := deployment.Stores(config, f.engine, f.log).Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *together) start(t *testing.T, service string, n int) *instance {
	t.Helper()
	config := f.config
	config.Instance = nameOf(service, n)
	w := &wire{table: f.engine.Table, stream: f.engine.Streams, bucket: f.engine.Bucket}
	engine := programtest.Share(f.engine, wiredTable{w}, wiredStream{w}, wiredBucket{w})
	p, err := serve.OpenOn(t.Context(), programs[service], "test", config, engine, f.log)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(running) }()
	wait := sync.OnceValue(func() error {
		stop()
		return <-ended
	})
	t.Cleanup(func() {
		if err := wait(); err != nil && !w.isCut() {
			t.Errorf("%s: %v", config.Instance, err)
		}
	})
	return &instance{
		service: service, name: config.Instance, base: "http://" + p.Address(),
		kill: func() { w.cut(); stop() },
		drain: func() {
			if err := wait(); err != nil {
				t.Errorf("drain %s: %v", config.Instance, err)
			}
		},
	}
}

func (f *together) stores() (table.Table, stream.Stream, string) {
	return f.engine.Table, f.engine.Streams, f.config.Stream(deployment.EventStream)
}

func (f *together) admin() *pebblestream.Stream { return f.engine.Streams.(*pebblestream.Stream) }

func (f *together) split(ctx context.Context, shard string) error {
	return f.admin().Split(ctx, f.config.Stream(deployment.EventStream), shard)
}

func (f *together) merge(ctx context.Context, a, b string) error {
	return f.admin().Merge(ctx, f.config.Stream(deployment.EventStream), a, b)
}

// scale splits every open shard, which is what UpdateShardCount does to double them.
func (f *together) scale(ctx context.Context, _ int) error {
	shards, err := f.engine.Streams.Shards(ctx, f.config.Stream(deployment.EventStream))
	for _, s := range shards {
		if err == nil && !s.Closed {
			err = f.split(ctx, s.ID)
		}
	}
	return err
}

func (f *together) audit(t *testing.T, grace time.Duration) error {
	t.Helper()
	return f.job(t, "audit", jobs.AuditParams{GraceSeconds: grace.Seconds()})
}

func (f *together) rebuild(t *testing.T, model string) error {
	return f.job(t, "rebuild", jobs.RebuildParams{Model: model, From: "archive"})
}

func (f *together) promote(t *testing.T, model string) error {
	return f.job(t, "promote", jobs.PromoteParams{Model: model})
}

// job runs a job beside the instances, as a program would.
func (f *together) job(t *testing.T, name string, params any) error {
	t.Helper()
	text, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	engine := programtest.Share(f.engine, f.engine.Table, f.engine.Streams, f.engine.Bucket)
	_, err = jobs.NewBank(f.config, engine, f.log).Funcs()[name](ctx, text, progress.New())
	if errors.Is(err, ops.ErrDifference) {
		err = fmt.Errorf("%w: %w", errDiffers, err)
	}
	return err
}

// errCut is what a dead instance hears from its stores.
var errCut = errors.New("the wire is cut")

// wire is an instance's line to the stores. Cut, nothing of the instance gets through any more, as
// of a process that was killed.
type wire struct {
	table  table.Table
	stream stream.Stream
	bucket bucket.Bucket
	mu     sync.RWMutex
	dead   bool
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

func (w *wire) isCut() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.dead
}

// call makes a call while the wire is whole, so that none is in the air when it is cut.
func call[T any](w *wire, do func() (T, error)) (none T, err error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.dead {
		return none, errCut
	}
	return do()
}

// do makes a call that returns only an error.
func (w *wire) do(f func() error) error {
	_, err := call(w, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// wiredTable is a table at the end of a wire.
type wiredTable struct{ *wire }

func (w wiredTable) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	return call(w.wire, func() (table.Row, error) { return w.table.Get(ctx, name, k, consistent) })
}

func (w wiredTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	return call(w.wire, func() (table.Page, error) { return w.table.Query(ctx, q) })
}

func (w wiredTable) Put(ctx context.Context, p table.Put) error {
	return w.do(func() error { return w.table.Put(ctx, p) })
}

func (w wiredTable) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 32, w.Put)
}

func (w wiredTable) Together() int { return 1 }

func (w wiredTable) Delete(ctx context.Context, name string, k table.Key, c table.Condition) error {
	return w.do(func() error { return w.table.Delete(ctx, name, k, c) })
}

func (w wiredTable) Transact(ctx context.Context, puts []table.Put) error {
	return w.do(func() error { return w.table.Transact(ctx, puts) })
}

func (w wiredTable) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	return call(w.wire, func() (table.Page, error) { return w.table.Scan(ctx, s) })
}

func (w wiredTable) Skew() time.Duration { return w.table.Skew() }

// wiredStream is a stream at the end of a wire. Like Kinesis it wakes nobody.
type wiredStream struct{ *wire }

func (w wiredStream) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
	return call(w.wire, func() ([]stream.PutResult, error) { return w.stream.Put(ctx, name, records) })
}

func (w wiredStream) Shards(ctx context.Context, name string) ([]stream.Shard, error) {
	return call(w.wire, func() ([]stream.Shard, error) { return w.stream.Shards(ctx, name) })
}

func (w wiredStream) Iterator(ctx context.Context, name, shard string, at stream.Position) (string, error) {
	return call(w.wire, func() (string, error) { return w.stream.Iterator(ctx, name, shard, at) })
}

func (w wiredStream) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	return call(w.wire, func() (stream.Batch, error) { return w.stream.Get(ctx, iterator, limit) })
}

func (w wiredStream) Created(ctx context.Context, name string) (time.Time, error) {
	return call(w.wire, func() (time.Time, error) { return w.stream.Created(ctx, name) })
}

// wiredBucket is a bucket at the end of a wire.
type wiredBucket struct{ *wire }

func (w wiredBucket) Create(ctx context.Context, key string, data []byte) error {
	return w.do(func() error { return w.bucket.Create(ctx, key, data) })
}

func (w wiredBucket) Open(ctx context.Context, key string) (bucket.Object, error) {
	return call(w.wire, func() (bucket.Object, error) { return w.bucket.Open(ctx, key) })
}

func (w wiredBucket) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	return call(w.wire, func() (bucket.Page, error) { return w.bucket.List(ctx, prefix, after) })
}
