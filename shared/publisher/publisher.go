package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/stream"
	"passbook/shared/telemetry/trace"
)

const (
	// maxWaiting and defaultWaitingBytes bound what waits for the stream; over either, the journal
	// takes no more commands.
	maxWaiting          = 100_000
	defaultWaitingBytes = 256 << 20
	// senders is how many batches are in flight at once.
	senders     = 4
	putDeadline = 5 * time.Second
	// retryFirst and retryMost bound the pause before a refused entry is sent again: the first one,
	// and what doubling ends at.
	retryFirst = 20 * time.Millisecond
	retryMost  = time.Second
)

// Config is what a Publisher needs. Streams and Stream are required.
type Config struct {
	Streams stream.Stream
	// Stream is the name of the stream of events.
	Stream string
	// Compress has records over 4 KB compressed, as the journal keeps them.
	Compress bool
	// Acked is called with each entry that the stream has; it is Journal.Acked.
	Acked func(writer string, n int64)
	// Woken is called when there is something to send, before a batch is taken; nil is not called.
	// It is for tests that must run the same way twice: what is queued at one moment waits for it.
	Woken func()
	// Tracer exports a span of each entry's way; nil exports none.
	Tracer *trace.Tracer
	// Metrics takes the collectors; nil means none.
	Metrics prometheus.Registerer
	// WaitingBytes bounds what waits for the stream; 256 MiB if 0.
	WaitingBytes int64
	// Log takes outages of the stream; nil drops them.
	Log *slog.Logger
}

// Publisher is the journal's outbox. Publish may be called at once, Run does the work. It is safe
// for concurrent use.
type Publisher struct {
	config  Config
	metrics *metrics

	mu       sync.Mutex
	accounts map[event.Account]*queue
	// ready has the accounts with an entry to send and none in flight, in the order that they
	// became so.
	ready   []*queue
	waiting int
	bytes   int
	wake    chan struct{} // has room for one
	empty   chan struct{} // closed when waiting falls to 0; nil while nobody waits for it
	outage  outage
}

// queue is an account's entries, in version order. When the queue is neither ready nor empty, the
// first one is in flight, or pauses after a refusal.
type queue struct {
	account  event.Account
	entries  []*waiting
	bytes    int // of their records
	failures int // in a row, of the first entry
	// paced calls the journal again, which waits until the queue is atPace; nil while it does not.
	paced *time.Timer
}

type waiting struct {
	journal.Committed
	since time.Time
	// A drainer is told when the stream has its entry, besides Acked, and may give the entry up
	// before it is sent. Both are nil for an entry of this process.
	sent    func()
	givenUp <-chan struct{}
}

// New returns a Publisher; Run does its work.
func New(c Config) *Publisher {
	if c.Acked == nil {
		c.Acked = func(string, int64) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.WaitingBytes = cmp.Or(c.WaitingBytes, defaultWaitingBytes)
	p := &Publisher{config: c, accounts: make(map[event.Account]*queue), wake: make(chan struct{}, 1)}
	p.metrics = p.newMetrics(c.Metrics)
	return p
}

// SetAcked sets Config.Acked, as the publisher and its journal need each other. It must be called
// before Run.
func (p *Publisher) SetAcked(acked func(writer string, n int64)) { p.config.Acked = acked }

// Publish queues entries. The caller passes an account's entries in version order. It never blocks
// and never fails.
func (p *Publisher) Publish(entries ...journal.Committed) {
	queued := make([]waiting, len(entries))
	for i, c := range entries {
		queued[i].Committed = c
	}
	p.publish(queued...)
}

// publish queues entries, and keeps the memory that they are in.
func (p *Publisher) publish(entries ...waiting) {
	for i := range entries {
		entries[i].Record = encoded(entries[i].Record, p.config.Compress)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for i := range entries {
		entries[i].since = now
		p.enqueue(&entries[i])
	}
	p.signal()
}

// enqueue adds an entry to its account's queue. The caller has the lock.
func (p *Publisher) enqueue(w *waiting) {
	q := p.accounts[w.Account]
	if q == nil {
		q = &queue{account: w.Account}
		p.accounts[w.Account] = q
		p.ready = append(p.ready, q)
	}
	q.entries = append(q.entries, w)
	p.waiting++
	p.bytes += len(w.Record)
	q.bytes += len(w.Record)
}

// encoded returns a record as the stream is to have it. One that cannot be compressed is published
// as it is: readers accept both.
func encoded(record []byte, compress bool) []byte {
	if !compress {
		return record
	}
	if compressed, err := event.CompressRecord(record); err == nil {
		return compressed
	}
	return record
}

func (p *Publisher) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Drained waits until everything is published, or ctx ends.
func (p *Publisher) Drained(ctx context.Context) error {
	for {
		p.mu.Lock()
		if p.waiting == 0 {
			p.mu.Unlock()
			return nil
		}
		if p.empty == nil {
			p.empty = make(chan struct{})
		}
		empty := p.empty
		p.mu.Unlock()
		select {
		case <-empty:
		case <-ctx.Done():
			return fmt.Errorf("publish what was committed: %w", ctx.Err())
		}
	}
}

// Run sends until ctx ends, and returns nil. What it has not sent by then is published by the
// process that drains this writer.
func (p *Publisher) Run(ctx context.Context) error {
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() { p.send(ctx) })
	}
	sending.Wait()
	return nil
}

// send puts one batch after another.
func (p *Publisher) send(ctx context.Context) {
	for ctx.Err() == nil {
		batch := p.next()
		if len(batch.queues) > 0 {
			p.put(ctx, batch)
			continue
		}
		select {
		case <-p.wake:
			if p.config.Woken != nil {
				p.config.Woken()
			}
		case <-ctx.Done():
		}
	}
}

// batch is one entry each of some accounts, in flight.
type batch struct {
	queues  []*queue
	entries []*waiting
	records []stream.Record
}

// next takes one entry of each ready account, as many as one Put takes, and leaves the rest to the
// next sender.
func (p *Publisher) next() (b batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := min(len(p.ready), stream.MaxPutRecords); n > 0 {
		b = batch{make([]*queue, 0, n), make([]*waiting, 0, n), make([]stream.Record, 0, n)}
	}
	bytes := 0
	for len(p.ready) > 0 && len(b.queues) < stream.MaxPutRecords {
		q := p.ready[0]
		if p.dropGivenUp(q); len(q.entries) == 0 {
			p.ready[0] = nil
			p.ready = p.ready[1:]
			continue
		}
		r := stream.Record{PartitionKey: q.account.String(), Data: q.entries[0].Record}
		if bytes += len(r.Data) + len(r.PartitionKey); bytes > stream.MaxPutBytes && len(b.queues) > 0 {
			break
		}
		p.ready[0] = nil
		p.ready = p.ready[1:]
		b.queues, b.entries, b.records = append(b.queues, q), append(b.entries, q.entries[0]), append(b.records, r)
	}
	if len(p.ready) > 0 {
		p.signal()
	}
	p.noteEmpty()
	return b
}

// dropGivenUp drops the entries at the head of a queue that were given up. When nothing waits after
// that, nobody tries the stream any more, and an outage is no longer known.
func (p *Publisher) dropGivenUp(q *queue) {
	for len(q.entries) > 0 {
		select {
		case <-q.entries[0].givenUp: // nil, and so never ready, for an entry of this process
			if p.drop(q); p.waiting == 0 {
				p.outage = outage{}
			}
		default:
			return
		}
	}
}

// noteEmpty wakes the callers of Drained when nothing waits any more.
func (p *Publisher) noteEmpty() {
	if p.waiting == 0 && p.empty != nil {
		close(p.empty)
		p.empty = nil
	}
}

// put sends a batch and deals with each record by its own result: a refused one is sent again after
// a pause, while the other accounts continue.
func (p *Publisher) put(ctx context.Context, b batch) {
	putCtx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	results, err := p.config.Streams.Put(putCtx, p.config.Stream, b.records)
	if err == nil && len(results) != len(b.records) {
		err = errors.New("publisher: the stream answered for another number of records")
	}
	sent := func(i int) bool { return err == nil && results[i].Err == nil }
	took, cause := false, err
	for i, w := range b.entries {
		switch {
		case sent(i):
			p.metrics.records.WithLabelValues(results[i].Shard).Inc()
			p.acknowledge(w)
			p.config.Tracer.Published(w.Hash, w.since, trace.Record{Stream: p.config.Stream, Shard: results[i].Shard, Sequence: results[i].Sequence})
			took = true
		case cause == nil:
			cause = results[i].Err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if took {
		p.note(nil)
	} else if ctx.Err() == nil {
		p.note(cause)
	}
	for i, q := range b.queues {
		if sent(i) {
			p.advance(q)
		} else {
			p.retryLater(q)
		}
	}
	p.noteEmpty()
}

func (p *Publisher) acknowledge(w *waiting) {
	p.metrics.lag.Observe(time.Since(w.since).Seconds())
	p.config.Acked(w.Writer, w.N)
	if w.sent != nil {
		w.sent()
	}
}

// advance takes the sent entry off its queue and makes the queue ready for the next one.
func (p *Publisher) advance(q *queue) {
	if p.drop(q); len(q.entries) > 0 {
		p.ready = append(p.ready, q)
		p.signal()
	}
}

// drop takes the first entry off its queue.
func (p *Publisher) drop(q *queue) {
	p.waiting--
	p.bytes -= len(q.entries[0].Record)
	q.bytes -= len(q.entries[0].Record)
	*q.entries[0] = waiting{} // those that were published with it may wait for long
	q.entries[0] = nil
	q.entries = q.entries[1:]
	q.failures = 0
	q.calm()
	if len(q.entries) == 0 {
		delete(p.accounts, q.account)
	}
}

// retryLater makes the queue ready again after a pause, with the same entry first.
func (p *Publisher) retryLater(q *queue) {
	p.metrics.refused.Inc()
	q.failures++
	time.AfterFunc(backoff.Of(retryFirst, retryMost, q.failures-1), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ready = append(p.ready, q)
		p.signal()
	})
}
