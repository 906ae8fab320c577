package readmodel

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/readmodel/quarantined"
	"passbook/shared/readmodel/rowcache"
	"passbook/shared/telemetry/trace"
	"passbook/shared/workerpool"
)

const (
	// parallelWrites is how many accounts of a batch are written at once: each write waits for its
	// own round trip or fsync.
	parallelWrites = 64
	// maxAttempts is how often an account's write is tried before its batch is given back to the
	// worker.
	maxAttempts = 6
	// maxPending bounds the crossings in a row, and maxUnsaved the work that is repeated after a
	// crash while a long gap is filled.
	maxPending = 500
	maxUnsaved = 1000
)

// ProjectionConfig configures a Projection. Generation, Rows and Journal are required, Outbox for a
// model with crossings.
type ProjectionConfig[S any] struct {
	// Generation numbers the rows. With the model's name it is the name of the consumer, such as
	// "balance@1".
	Generation int64
	Rows       *Rows[S]
	Journal    History
	// Outbox takes the model's messages.
	Outbox Outbox
	// Silent reports whether the generation is not live yet and must send no message; nil is never.
	Silent func() bool
	// Further names the model's further rows; nil is none. Transact says that they and the
	// account's row are written by one transaction if they can.
	Further  *Further[S]
	Transact bool
	// Tracer exports spans of the folds; nil exports none.
	Tracer *trace.Tracer
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
	// Log gets what is put into and released from quarantine; nil is slog.Default.
	Log *slog.Logger
}

// Projection folds the entries of accounts into the rows of one generation of a read model. It may
// be used concurrently, also by several processes: the version rule and the conditions on the rows
// keep it correct.
type Projection[S any] struct {
	generation int64
	rows       *Rows[S]
	journal    History
	outbox     Outbox
	further    *Further[S]
	// furtherTable is the table of the further rows.
	furtherTable string
	transact     bool
	silent       func() bool
	tracer       *trace.Tracer
	log          *slog.Logger

	model Model[S]
	name  string // of the consumer
	cache *rowcache.Rows[Row[S]]
	count counts
}

// NewProjection returns a projection. It wakes the waiting readers of c.Rows.
func NewProjection[S any](c ProjectionConfig[S]) *Projection[S] {
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Silent == nil {
		c.Silent = func() bool { return false }
	}
	name := Name(c.Rows.model.Name, c.Generation)
	further := ""
	if c.Further != nil {
		further = c.Further.Table
	}
	return &Projection[S]{
		generation: c.Generation, rows: c.Rows, journal: c.Journal, outbox: c.Outbox, silent: c.Silent,
		further: c.Further, furtherTable: further, transact: c.Transact, tracer: c.Tracer,
		log:   cmp.Or(c.Log, slog.Default()).With("consumer", name),
		model: c.Rows.model, name: name, cache: c.Rows.kept.Of(c.Generation), count: c.Metrics.of(name),
	}
}

// Open returns the handler of a shard, as a consumer.Opener. It ignores the checkpoint: what was
// folded before is recognised by its version.
func (p *Projection[S]) Open(_ context.Context, s consumer.Shard, _ string) (consumer.Handler, error) {
	return &shardProjection[S]{p: p, shard: s, byAccount: map[string]int{}, pool: workerpool.New(parallelWrites)}, nil
}

// workItem is an entry to fold, and the record that it was decoded from.
type workItem struct {
	entry  *event.Entry
	source Source
	data   []byte
}

// shardProjection is the consumer.Handler of one shard.
type shardProjection[S any] struct {
	p     *Projection[S]
	shard consumer.Shard
	pool  *workerpool.Pool
	// byAccount is an account's index in work. Both are kept from batch to batch for their memory.
	byAccount map[string]int
	work      []accountWork
	alone     []*accountWork
	calls     [maxCalls]togetherCall[S]
	// records is how many records that name no account were put into quarantine.
	records int
}

// maxRecords bounds the records that name no account and that one holder of a shard's lease puts
// into quarantine. Anybody who may put records can put any number, and a row each would keep the
// shard from its entries. The rest are counted.
const maxRecords = 100

// accountWork is the items of one account in a batch.
type accountWork struct {
	account string
	items   []workItem
}

// Handle folds a batch: the entries of one account together, and different accounts together or in
// parallel. When it returns the last sequence number, everything is stored.
func (h *shardProjection[S]) Handle(ctx context.Context, b consumer.Batch) (string, error) {
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

// Close ends the workers of the pool. Nothing is left to store.
func (h *shardProjection[S]) Close() error {
	h.pool.Close()
	return nil
}

// gather groups a batch by account, and puts records that cannot be decoded into quarantine.
func (h *shardProjection[S]) gather(ctx context.Context, deliveries []consumer.Delivery) error {
	clear(h.byAccount)
	for i := range h.work {
		clear(h.work[i].items) // so that the entries can be collected
		h.work[i].items = h.work[i].items[:0]
	}
	h.work = h.work[:0]
	for i := range deliveries {
		d := &deliveries[i]
		if d.Entry == nil {
			if err := h.quarantineRecord(ctx, *d); err != nil {
				return err
			}
			continue
		}
		n, known := h.byAccount[d.PartitionKey]
		if !known {
			n = len(h.work)
			h.byAccount[d.PartitionKey] = n
			h.work = slices.Grow(h.work, 1)[:n+1]
			h.work[n].account = d.PartitionKey
		}
		h.work[n].items = append(h.work[n].items, workItem{entry: d.Entry, source: Source{h.shard.ID, d.Sequence}, data: d.Data})
	}
	return nil
}

// projectAll projects the accounts of a batch: together those whose rows can be written so, and
// then the others in parallel. It ends at the first failure: the batch is then read again.
func (h *shardProjection[S]) projectAll(ctx context.Context) error {
	clear(h.alone)
	h.alone = h.alone[:0]
	if h.p.rows.table.Together() > 1 {
		h.projectTogether(ctx)
	} else {
		for i := range h.work {
			h.alone = append(h.alone, &h.work[i])
		}
	}
	return h.projectAlone(ctx)
}

// projectAlone projects accounts in parallel, each by itself.
func (h *shardProjection[S]) projectAlone(ctx context.Context) error {
	if len(h.alone) == 1 {
		return h.p.project(ctx, h.alone[0].account, h.alone[0].items)
	}
	var (
		wait   sync.WaitGroup
		next   atomic.Int64
		failed atomic.Pointer[error]
	)
	for range min(len(h.alone), parallelWrites) {
		wait.Add(1)
		h.pool.Go(func() {
			defer wait.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(h.alone) || failed.Load() != nil {
					return
				}
				if err := h.p.project(ctx, h.alone[i].account, h.alone[i].items); err != nil {
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

// ProjectEntries folds entries of one account, in version order, as Handle does. A rebuild calls
// it.
func (p *Projection[S]) ProjectEntries(ctx context.Context, a event.Account, entries []*event.Entry) error {
	items := make([]workItem, len(entries))
	for i, e := range entries {
		items[i].entry = e
	}
	return p.project(ctx, a.String(), items)
}

// quarantineRecord puts a record that is foreign or cannot be decoded into quarantine. If it is of
// a newer format, its partition key names the account, which is quarantined. Of any other record
// the bytes are kept, up to maxRecords of them; if it was of an account, the next entry shows a
// gap, which is filled from the journal.
func (h *shardProjection[S]) quarantineRecord(ctx context.Context, d consumer.Delivery) error {
	p, s := h.p, h.shard
	var newer *event.FormatError
	foreign := errors.Is(d.Err, event.ErrForeign)
	if a, ok := event.ParseAccount(d.PartitionKey); ok && !foreign && errors.As(d.Err, &newer) {
		return p.quarantineAccount(ctx, a, anyRev, quarantined.Item{
			ID: a.String(), Account: a, Cause: quarantined.Cause(d.Err), At: time.Now(), Stream: s.Stream, Shard: s.ID, Sequence: d.Sequence, Data: d.Data,
		})
	}
	if h.records >= maxRecords {
		p.count.unprocessable.Inc()
		return nil
	}
	added, err := quarantined.Add(ctx, p.rows.table, p.name, recordOf(s, d))
	if err != nil || !added {
		return err
	}
	h.records++
	p.count.unprocessable.Inc()
	p.count.quarantined.Inc()
	what := "record cannot be decoded and is in quarantine"
	if foreign {
		what = "record is foreign and is in quarantine"
	}
	p.log.Error(what, "stream", s.Stream, "shard", s.ID, "sequence", d.Sequence, "error", d.Err)
	if h.records == maxRecords {
		p.log.Error("further such records of the shard are only counted, until another worker takes it", "stream", s.Stream, "shard", s.ID)
	}
	return nil
}

// foreignBytes bounds the bytes of a foreign record that quarantine keeps: enough to see what it
// says.
const foreignBytes = 1 << 10

// recordOf returns a record that cannot be decoded, or is foreign, as quarantine keeps it.
func recordOf(s consumer.Shard, d consumer.Delivery) quarantined.Item {
	if errors.Is(d.Err, event.ErrForeign) {
		d.Data = d.Data[:min(len(d.Data), foreignBytes)]
	}
	return quarantined.Item{
		ID: s.Stream + "#" + s.ID + "#" + d.Sequence, Cause: quarantined.Cause(d.Err),
		Stream: s.Stream, Shard: s.ID, Sequence: d.Sequence, Data: d.Data,
	}
}
