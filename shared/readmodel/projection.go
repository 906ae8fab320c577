package readmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/workerpool"
)

const (
	// parallelWrites is how many accounts of a batch are written at once: each write waits for its
	// own round trip or fsync.
	parallelWrites = 64
	// attempts is how often an account's write is tried before its batch is given back to the
	// worker.
	attempts = 6
	// pendingMost bounds the crossings in a row, and unsavedMost the work that a crash repeats
	// while a long gap is filled.
	pendingMost = 500
	unsavedMost = 1000
)

// ProjectionConfig configures a Projection. Generation, Rows and Journal are required, Outbox of a
// model with crossings.
type ProjectionConfig[S any] struct {
	// Generation numbers the rows; with the model's name it names the consumer, such as
	// "balance@1".
	Generation int64
	Rows       *Rows[S]
	Journal    History
	// Outbox takes the model's messages.
	Outbox Outbox
	// Silent says that the generation is not live yet, and must send nothing; nil is never.
	Silent func() bool
	// RowBytes bounds the rows in memory; 0 is 64 MiB.
	RowBytes int64
	Metrics  *Metrics
	Log      *slog.Logger
}

// Projection folds accounts' entries into the rows of one generation of a read model. It is safe
// for concurrent use: the version rule and the rows' conditions make it so, even between processes.
type Projection[S any] struct {
	ProjectionConfig[S]
	model Model[S]
	name  string
	cache *cache[S]
	count counts
}

// NewProjection makes a projection. Readers of c.Rows are woken by it.
func NewProjection[S any](c ProjectionConfig[S]) *Projection[S] {
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Silent == nil {
		c.Silent = func() bool { return false }
	}
	name := Name(c.Rows.model.Name, c.Generation)
	c.Log = cmp.Or(c.Log, slog.Default()).With("consumer", name)
	return &Projection[S]{ProjectionConfig: c, model: c.Rows.model, name: name, cache: newCache[S](c.RowBytes), count: c.Metrics.of(name)}
}

// OpenProjection makes a projection to be fed by a job: silent when its generation is the
// candidate, so that a rebuild sends nothing, and loud when it is or was live, as for a redrive.
func OpenProjection[S any](ctx context.Context, c ProjectionConfig[S]) (*Projection[S], error) {
	g, err := LoadGenerations(ctx, c.Rows.table, c.Rows.model.Name)
	if err != nil {
		return nil, err
	}
	if c.Generation != g.Live && c.Generation != g.Previous && c.Generation != g.Candidate {
		return nil, fmt.Errorf("open %s: %w", Name(c.Rows.model.Name, c.Generation), ErrGeneration)
	}
	c.Silent = func() bool { return c.Generation == g.Candidate }
	return NewProjection(c), nil
}

// Open is the projection's Opener. The checkpoint does not matter: what was folded before is
// dropped by its version.
func (p *Projection[S]) Open(_ context.Context, s consumer.Shard, _ string) (consumer.Handler, error) {
	return &projecting[S]{p: p, shard: s, groups: map[string]int{}, pool: workerpool.New(parallelWrites)}, nil
}

// item is an entry to fold and the record that it came in.
type item struct {
	entry  *event.Entry
	source Source
	data   []byte
}

// projecting is a projection at work on one shard.
type projecting[S any] struct {
	p     *Projection[S]
	shard consumer.Shard
	pool  *workerpool.Pool
	// groups finds an account's group in work; both are kept from batch to batch for their memory.
	groups map[string]int
	work   []group
}

// group is the items of one account within a batch.
type group struct {
	account string
	items   []item
}

// Handle folds a batch: the entries of one account together, different accounts at the same time.
// Everything is durable when it returns the last sequence number.
func (h *projecting[S]) Handle(ctx context.Context, b consumer.Batch) (string, error) {
	if len(b.Deliveries) == 0 {
		return "", nil
	}
	if err := h.gather(ctx, b.Deliveries); err != nil {
		return "", err
	}
	if err := h.projectAll(ctx); err != nil {
		return "", err
	}
	return b.Deliveries[len(b.Deliveries)-1].Sequence, nil
}

// Close has nothing to drop: rows are written before Handle returns.
func (h *projecting[S]) Close() error {
	h.pool.Close()
	return nil
}

// gather groups a batch by account, and sets aside what cannot be decoded.
func (h *projecting[S]) gather(ctx context.Context, deliveries []consumer.Delivery) error {
	clear(h.groups)
	for i := range h.work {
		clear(h.work[i].items) // lets go of the entries
		h.work[i].items = h.work[i].items[:0]
	}
	h.work = h.work[:0]
	for i := range deliveries {
		d := &deliveries[i]
		if d.Entry == nil {
			if err := h.p.undecodable(ctx, h.shard, *d); err != nil {
				return err
			}
			continue
		}
		n, known := h.groups[d.PartitionKey]
		if !known {
			n = len(h.work)
			h.groups[d.PartitionKey] = n
			h.work = slices.Grow(h.work, 1)[:n+1]
			h.work[n].account = d.PartitionKey
		}
		h.work[n].items = append(h.work[n].items, item{entry: d.Entry, source: Source{h.shard.ID, d.Sequence}, data: d.Data})
	}
	return nil
}

// projectAll works the groups off in parallel. The first failure ends it: the batch is read again.
func (h *projecting[S]) projectAll(ctx context.Context) error {
	if len(h.work) == 1 {
		return h.p.project(ctx, h.work[0].account, h.work[0].items)
	}
	var (
		wait   sync.WaitGroup
		next   atomic.Int64
		failed atomic.Pointer[error]
	)
	for range min(len(h.work), parallelWrites) {
		wait.Add(1)
		h.pool.Go(func() {
			defer wait.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(h.work) || failed.Load() != nil {
					return
				}
				if err := h.p.project(ctx, h.work[i].account, h.work[i].items); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// ProjectEntries folds entries of one account, in version order, as Handle would: it is how a
// rebuild feeds a generation.
func (p *Projection[S]) ProjectEntries(ctx context.Context, a event.Account, entries []*event.Entry) error {
	items := make([]item, len(entries))
	for i, e := range entries {
		items[i].entry = e
	}
	return p.project(ctx, a.String(), items)
}

// undecodable sets a record aside. One of a newer format names its account by its partition key,
// and stops it; the bytes of any other are kept, and the account, if it is one, will show a gap
// that the journal fills.
func (p *Projection[S]) undecodable(ctx context.Context, s consumer.Shard, d consumer.Delivery) error {
	var newer *event.FormatError
	if a, ok := event.ParseAccount(d.PartitionKey); ok && errors.As(d.Err, &newer) {
		return p.block(ctx, a, unjudged, Quarantined{
			ID: a.String(), Account: a, Cause: cause(d.Err), At: time.Now(), Stream: s.Stream, Shard: s.ID, Sequence: d.Sequence, Data: d.Data,
		})
	}
	added, err := setAside(ctx, p.Rows.table, p.name, recordOf(s, d))
	if added {
		p.count.poison.Inc()
		p.count.quarantined.Inc()
		p.Log.Error("record cannot be decoded", "stream", s.Stream, "shard", s.ID, "sequence", d.Sequence, "error", d.Err)
	}
	return err
}
