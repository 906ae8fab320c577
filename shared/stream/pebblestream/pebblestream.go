package pebblestream

import (
	"context"
	"crypto/md5" //nolint:gosec // Kinesis maps partition keys to shards by MD5; it guards nothing.
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"
	"passbook/shared/stream"
)

// Options configures a Stream. The zero value is usable.
type Options struct {
	// Now is the clock for arrivals and for the age of iterators; nil is that of the database.
	Now func() time.Time
	// Shards is how many shards CreateStream creates if it is called with 0; 0 is 4.
	Shards int
	// Retention is how long records are kept; 0 is 24 hours, as on Kinesis.
	Retention time.Duration
	// TailBytes bounds the newest records of all streams that are kept in memory for the readers
	// that follow them; 0 is DefaultTailBytes. The first Stream on a database sets it.
	TailBytes int
}

// Stream implements stream.Stream and stream.Notifier. Several may be open on one DB and share its
// streams; they should have the same retention.
type Stream struct {
	db        *embedded.DB
	state     *state
	now       func() time.Time
	shards    int
	retention time.Duration
}

var (
	_ stream.Stream   = (*Stream)(nil)
	_ stream.Notifier = (*Stream)(nil)
)

// New opens the streams of a database.
func New(db *embedded.DB, o Options) (*Stream, error) {
	s := &Stream{db: db, now: o.Now, shards: o.Shards, retention: o.Retention}
	if s.now == nil {
		s.now = db.Now
	}
	if s.shards == 0 {
		s.shards = 4
	}
	if s.retention == 0 {
		s.retention = 24 * time.Hour
	}
	if o.TailBytes == 0 {
		o.TailBytes = DefaultTailBytes
	}
	s.state = db.Shared(embedded.StreamSpace, func() any { return load(db, o.TailBytes) }).(*state)
	if s.state.loaded != nil {
		return nil, fmt.Errorf("open streams: %w", s.state.loaded)
	}
	return s, nil
}

// Put implements stream.Stream. The records become visible together, and durable with one fsync.
func (s *Stream) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := stream.CheckPut(records); err != nil {
		return nil, err
	}
	s.sweep(ctx)
	p := &put{state: s.state, name: name, now: s.now().UnixMicro(), records: keep(records), results: make([]stream.PutResult, len(records))}
	p.hashes = make([]hashKey, len(records))
	for i, r := range records {
		p.hashes[i] = md5.Sum([]byte(r.PartitionKey)) //nolint:gosec // see the import
	}
	if err := s.db.Commit(ctx, embedded.Write{Stage: p.stage, Done: p.settle}); err != nil {
		return nil, fmt.Errorf("put %d records on stream %q: %w", len(records), name, err)
	}
	return p.results, nil
}

// put is one call of Put.
type put struct {
	state   *state
	name    string
	now     int64
	records []kept
	hashes  []hashKey
	results []stream.PutResult
	reached []shardKey
}

// keep returns the records with a copy of their data, as the caller may use its own again.
func keep(records []stream.Record) []kept {
	size := 0
	for _, r := range records {
		size += len(r.Data)
	}
	buffer := make([]byte, 0, size)
	out := make([]kept, len(records))
	for i, r := range records {
		begin := len(buffer)
		buffer = append(buffer, r.Data...)
		out[i].record.Record = stream.Record{PartitionKey: r.PartitionKey, Data: buffer[begin:len(buffer):len(buffer)]}
	}
	return out
}

func (p *put) stage(batch *pebble.Batch) error {
	m, err := p.state.staged.find(p.name)
	if err != nil {
		return err
	}
	for i := range p.records {
		if err := p.add(batch, i, m); err != nil {
			return err
		}
	}
	return nil
}

func (p *put) add(batch *pebble.Batch, i int, m *meta) error {
	shard := m.place(p.hashes[i])
	at := shardKey{m.ID, shard.Number}
	sequence, err := p.state.sequence(batch)
	if err != nil {
		return err
	}
	// Arrivals on a shard never go back, even if the clock does, so that AtTime can be found by
	// bisection.
	arrived := max(p.now, p.state.last[at])
	p.state.last[at] = arrived
	k := &p.records[i]
	op := batch.SetDeferred(recordKeyBytes, recordSize(k.record.Record))
	putRecordKey(op.Key, at, sequence)
	putRecord(op.Value, k.record.Record, arrived)
	k.at, k.sequence = at, sequence
	k.record.Sequence, k.record.Arrived = formatSequence(sequence), time.UnixMicro(arrived).UTC()
	p.results[i] = stream.PutResult{Shard: shard.id, Sequence: k.record.Sequence}
	if len(p.reached) == 0 || p.reached[len(p.reached)-1] != at {
		p.reached = append(p.reached, at)
	}
	return op.Finish()
}

func (p *put) settle(err error) {
	if err != nil {
		return
	}
	p.state.tail.add(p.records)
	for _, at := range p.reached {
		p.state.arrivals.notify(at)
	}
}

// Shards implements stream.Stream.
func (s *Stream) Shards(ctx context.Context, name string) ([]stream.Shard, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.sweep(ctx)
	m, err := s.state.visible.Load().find(name)
	if err != nil {
		return nil, err
	}
	out := make([]stream.Shard, len(m.Shards))
	for i, shard := range m.Shards {
		out[i] = shard.port()
	}
	return out, nil
}

// Created implements stream.Stream.
func (s *Stream) Created(ctx context.Context, name string) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	m, err := s.state.visible.Load().find(name)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(m.Created, 0).UTC(), nil
}

// Arrived implements stream.Notifier. For a stream or shard that does not exist it returns a closed
// channel, so that the reader looks again.
func (s *Stream) Arrived(name, shard string) <-chan struct{} {
	arrival, err := s.state.arrivals.wait(func() (shardKey, error) { return s.lookUp(name, shard) })
	if err != nil {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	return arrival
}

// lookUp returns the key of a shard that readers can see.
func (s *Stream) lookUp(name, shard string) (shardKey, error) {
	m, err := s.state.visible.Load().find(name)
	if err != nil {
		return shardKey{}, err
	}
	found, err := m.byID(shard)
	if err != nil {
		return shardKey{}, err
	}
	return shardKey{m.ID, found.Number}, nil
}
