package pebblestream

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"passbook/shared/embedded"
	"passbook/shared/stream"
)

// maxGetBytes bounds a Get as Kinesis bounds GetRecords: 10 MiB.
const maxGetBytes = 10 << 20

// Iterator implements stream.Stream.
func (s *Stream) Iterator(ctx context.Context, name, shard string, p stream.Position) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s.sweep(ctx)
	at, err := s.lookUp(name, shard)
	if err != nil {
		return "", err
	}
	view, err := s.db.View()
	if err != nil {
		return "", err
	}
	defer s.db.Release(view)
	next, err := locate(view, at, s.state.trims.get(at), p)
	if err != nil {
		return "", fmt.Errorf("iterator on %s: %w", shard, err)
	}
	return cursor{at: at, next: next, made: s.now()}.String(), nil
}

// locate returns the next sequence number to read from a position, 0 for the oldest.
func locate(view *embedded.View, at shardKey, lost mark, p stream.Position) (uint64, error) {
	switch p.Where {
	case stream.TrimHorizon:
		return 0, nil
	case stream.Latest:
		last, _, err := newest(view, at)
		return max(last, lost.Sequence) + 1, err
	case stream.AfterSequence, stream.AtSequence:
		return locateSequence(view, at, lost, p)
	case stream.AtTime:
		since := p.Time.UnixMicro()
		if lost.Sequence > 0 && since <= lost.Arrived {
			return 0, stream.ErrTrimmed
		}
		return firstSince(view, at, lost.Sequence, since)
	}
	return 0, fmt.Errorf("%w: position %d", stream.ErrInvalid, p.Where)
}

// locateSequence returns the next sequence number to read from a position at or after a record. The
// record must be on the shard; for AfterSequence it may also be the newest that was trimmed.
func locateSequence(view *embedded.View, at shardKey, lost mark, p stream.Position) (uint64, error) {
	sequence, err := parseSequence(p.Sequence)
	if err != nil {
		return 0, err
	}
	after := p.Where == stream.AfterSequence
	if after && sequence == lost.Sequence {
		return sequence + 1, nil
	}
	if sequence <= lost.Sequence {
		return 0, stream.ErrTrimmed
	}
	there, err := view.Get(recordKey(at, sequence), func([]byte) error { return nil })
	switch {
	case err != nil:
		return 0, err
	case !there:
		return 0, fmt.Errorf("%w: sequence %d was never on this shard", stream.ErrTrimmed, sequence)
	case after:
		sequence++
	}
	return sequence, nil
}

// firstSince finds the first record that arrived at or after a time, by bisection. It returns the
// number after the newest if all are older.
func firstSince(view *embedded.View, at shardKey, lost uint64, since int64) (sequence uint64, err error) {
	last, _, err := newest(view, at)
	if err != nil || last <= lost {
		return lost + 1, err
	}
	iter, err := view.Iter(recordKey(at, lost+1), recordKey(at, ^uint64(0)))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	var bad error
	n := sort.Search(int(last-lost), func(i int) bool {
		if bad != nil || !iter.SeekGE(recordKey(at, lost+1+uint64(i))) {
			return true
		}
		arrived, _, _, err := cutRecord(iter.Value())
		bad = errors.Join(bad, err)
		return arrived >= since
	})
	return lost + 1 + uint64(n), errors.Join(bad, iter.Error())
}

// Get implements stream.Stream. An iterator whose next records were trimmed after it was made is
// ErrTrimmed.
func (s *Stream) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	if err := ctx.Err(); err != nil {
		return stream.Batch{}, err
	}
	if err := stream.CheckGet(limit); err != nil {
		return stream.Batch{}, err
	}
	c, err := parseCursor(iterator)
	if err != nil {
		return stream.Batch{}, err
	}
	now := s.now()
	// The shard is looked up before the view is taken: the view has all records of a shard that was
	// closed before.
	_, shard, err := s.state.visible.Load().shard(c.at)
	switch {
	case err != nil:
		return stream.Batch{}, err
	case now.Sub(c.made) > stream.IteratorAge:
		return stream.Batch{}, stream.ErrExpiredIterator
	}
	r := reader{ctx: ctx, at: c.at, next: c.next, limit: limit}
	switch err := s.read(&r); {
	case errors.Is(err, stream.ErrTrimmed):
		return stream.Batch{}, err
	case err != nil:
		return stream.Batch{}, fmt.Errorf("get from %s: %w", shardID(c.at.shard), err)
	}
	return r.batch(shard.ClosedAt != 0, now), nil
}

// read reads from the tail in memory, or else from a view.
func (s *Stream) read(r *reader) error {
	if lost := s.state.trims.get(r.at).Sequence; r.next > lost && s.state.tail.read(r) {
		return nil
	}
	view, err := s.db.View()
	if err != nil {
		return err
	}
	defer s.db.Release(view)
	lost := s.state.trims.get(r.at).Sequence
	if r.next != 0 && r.next <= lost {
		return stream.ErrTrimmed
	}
	r.next = max(r.next, lost+1)
	return r.read(view)
}

// reader collects the records of one Get.
type reader struct {
	ctx     context.Context
	at      shardKey
	next    uint64
	limit   int
	size    int
	more    bool
	records []stream.Delivered
	// buffer is shared by the data of several records, so that a record needs no allocation.
	buffer []byte
	// bufferBytes is the size of the last buffer.
	bufferBytes int
}

func (r *reader) read(view *embedded.View) (err error) {
	iter, err := view.Iter(recordKey(r.at, r.next), recordKey(r.at, ^uint64(0)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for ok := iter.First(); ok; ok = iter.Next() {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		arrived, key, data, err := cutRecord(iter.Value())
		if err != nil {
			return err
		}
		if !r.fits(len(key) + len(data)) {
			break
		}
		sequence := sequenceOf(iter.Key())
		r.add(sequence, stream.Delivered{
			Record:   stream.Record{PartitionKey: string(key), Data: r.copy(data)},
			Sequence: formatSequence(sequence),
			Arrived:  time.UnixMicro(arrived).UTC(),
		})
	}
	return iter.Error()
}

// fits reports whether a further record of so many bytes fits into the batch. If not, more is left.
func (r *reader) fits(size int) bool {
	r.size += size
	r.more = len(r.records) == r.limit || r.size > maxGetBytes
	return !r.more
}

func (r *reader) add(sequence uint64, record stream.Delivered) {
	r.records = append(r.records, record)
	r.next = sequence + 1
}

// The records of a read share buffers that double from the first to the last size: most reads have
// a record or two, and one of a backlog has thousands.
const (
	firstBufferBytes = 2 << 10
	lastBufferBytes  = 64 << 10
)

func (r *reader) copy(data []byte) []byte {
	if len(data) > len(r.buffer) {
		r.bufferBytes = min(max(2*r.bufferBytes, firstBufferBytes), lastBufferBytes)
		r.buffer = make([]byte, max(r.bufferBytes, len(data)))
	}
	n := copy(r.buffer, data)
	out := r.buffer[:n:n]
	r.buffer = r.buffer[n:]
	return out
}

func (r *reader) batch(closed bool, now time.Time) stream.Batch {
	b := stream.Batch{Records: r.records}
	if r.more {
		b.Behind = max(time.Millisecond, now.Sub(r.records[len(r.records)-1].Arrived))
	}
	if r.more || !closed {
		b.Next = cursor{at: r.at, next: r.next, made: now}.String()
	}
	return b
}
