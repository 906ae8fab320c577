package pebblestream

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"
	"passbook/shared/stream"
)

// CreateStream creates a stream with so many shards of equal hash ranges, 0 for Options.Shards. It
// does nothing if the stream exists, also with other shards.
func (s *Stream) CreateStream(ctx context.Context, name string, shards int) error {
	if name == "" || shards < 0 || shards > 10000 {
		return fmt.Errorf("%w: stream %q of %d shards", stream.ErrInvalid, name, shards)
	}
	if shards == 0 {
		shards = s.shards
	}
	return s.change(ctx, "create", name, func(batch *pebble.Batch, m *meta) (*meta, error) {
		if m != nil && !m.Deleted {
			return nil, nil
		}
		id, err := s.state.sequence(batch)
		if err != nil {
			return nil, err
		}
		next := &meta{Name: name, ID: id, Created: s.now().Unix()}
		if m != nil {
			next.Created = max(next.Created, m.Created+1)
		}
		next.addEqual(shards)
		return next, nil
	})
}

// DeleteStream removes a stream and its records.
func (s *Stream) DeleteStream(ctx context.Context, name string) error {
	return s.change(ctx, "delete", name, func(batch *pebble.Batch, m *meta) (*meta, error) {
		if m == nil || m.Deleted {
			return nil, stream.ErrNotFound
		}
		gone := &meta{Name: name, ID: m.ID, Created: m.Created, Deleted: true}
		return gone, batch.DeleteRange(recordKey(shardKey{m.ID, 0}, 0), recordKey(shardKey{m.ID + 1, 0}, 0), nil)
	})
}

// Split closes an open shard and opens two in its place, each with half of its hash keys.
func (s *Stream) Split(ctx context.Context, name, shard string) error {
	return s.reshard(ctx, "split", name, func(m *meta) error {
		parent, err := m.openShard(shard)
		if err != nil {
			return err
		}
		first, last, number := parent.First.int(), parent.Last.int(), parent.Number
		if first.Cmp(last) == 0 {
			return fmt.Errorf("%w: %s has one hash key", stream.ErrInvalid, shard)
		}
		middle := new(big.Int).Add(first, last)
		middle.Rsh(middle, 1)
		parent.ClosedAt = s.now().UnixMicro()
		m.add(first, middle, number)
		m.add(new(big.Int).Add(middle, big.NewInt(1)), last, number)
		return nil
	})
}

// Merge closes two open shards with adjacent hash keys and opens one in their place.
func (s *Stream) Merge(ctx context.Context, name, shard, adjacent string) error {
	return s.reshard(ctx, "merge", name, func(m *meta) error {
		a, err := m.openShard(shard)
		if err != nil {
			return err
		}
		b, err := m.openShard(adjacent)
		if err != nil {
			return err
		}
		low, high := a, b
		if low.First.int().Cmp(high.First.int()) > 0 {
			low, high = b, a
		}
		if next := new(big.Int).Add(low.Last.int(), big.NewInt(1)); next.Cmp(high.First.int()) != 0 {
			return fmt.Errorf("%w: %s and %s are not adjacent", stream.ErrInvalid, shard, adjacent)
		}
		a.ClosedAt = s.now().UnixMicro()
		b.ClosedAt = a.ClosedAt
		m.add(low.First.int(), high.Last.int(), a.Number, b.Number)
		return nil
	})
}

func (m *meta) openShard(id string) (*shardMeta, error) {
	shard, err := m.byID(id)
	if err == nil && shard.ClosedAt != 0 {
		return nil, fmt.Errorf("%w: %s is closed", stream.ErrInvalid, id)
	}
	return shard, err
}

// reshard changes the shards of a stream, or fails with ErrNotFound.
func (s *Stream) reshard(ctx context.Context, what, name string, edit func(*meta) error) error {
	return s.change(ctx, what, name, func(_ *pebble.Batch, m *meta) (*meta, error) {
		if m == nil || m.Deleted {
			return nil, stream.ErrNotFound
		}
		next := m.clone()
		return next, edit(next)
	})
}

// change replaces the description of a stream and notifies all who wait for its shards. edit gets
// nil if there never was such a stream, returns nil to change nothing, and runs as a Stage.
func (s *Stream) change(ctx context.Context, what, name string, edit func(*pebble.Batch, *meta) (*meta, error)) error {
	s.state.admin.Lock()
	defer s.state.admin.Unlock()
	show := func() {}
	err := s.db.Commit(ctx, embedded.Write{
		Stage: func(batch *pebble.Batch) error {
			old := s.state.staged[name]
			next, err := edit(batch, old)
			if err != nil || next == nil {
				return err
			}
			visible, err := s.state.stage(batch, next)
			show = func() {
				visible()
				s.state.notifyAll(old)
			}
			return err
		},
		Done: func(err error) {
			if err == nil {
				show()
			}
		},
	})
	if err != nil {
		return fmt.Errorf("%s stream %q: %w", what, name, err)
	}
	return nil
}

func (s *state) notifyAll(m *meta) {
	if m == nil {
		return
	}
	for _, shard := range m.Shards {
		s.arrivals.notify(shardKey{m.ID, shard.Number})
	}
}

// Trim removes the records of a shard before a sequence number, as if the retention had passed. It
// removes a closed shard that has no record left.
func (s *Stream) Trim(ctx context.Context, name, shard, before string) error {
	bound, err := parseSequence(before)
	if err != nil {
		return err
	}
	at, err := s.lookUp(name, shard)
	if err != nil {
		return err
	}
	return s.trim(ctx, name, at, bound, s.now())
}

// trim removes the records before bound, and the shard itself if it was closed at closedSince or
// before and has no record left.
func (s *Stream) trim(ctx context.Context, name string, at shardKey, bound uint64, closedSince time.Time) error {
	// The view that is taken later has all records of a shard that is closed now.
	_, seen, err := s.state.visible.Load().shard(at)
	if err != nil {
		return err
	}
	closed := seen.ClosedAt != 0 && seen.ClosedAt <= closedSince.UnixMicro()
	lost, left, err := s.beforeTrim(at, bound)
	if err != nil {
		return err
	}
	return s.change(ctx, "trim", name, func(batch *pebble.Batch, m *meta) (*meta, error) {
		if m == nil || m.Deleted || m.ID != at.stream || m.shard(at.shard) == nil {
			return nil, nil
		}
		next := m.clone()
		shard := next.shard(at.shard)
		switch {
		case closed && !left:
			next.remove(at.shard)
		case lost.Sequence <= shard.Lost.Sequence:
			return nil, nil
		default:
			shard.Lost = lost
		}
		if lost.Sequence > 0 {
			s.state.trims.set(at, lost)
		}
		return next, batch.DeleteRange(recordKey(at, 0), recordKey(at, lost.Sequence+1), nil)
	})
}

func (m *meta) remove(number uint32) {
	for i := range m.Shards {
		if m.Shards[i].Number == number {
			m.Shards = append(m.Shards[:i], m.Shards[i+1:]...)
			return
		}
	}
}

// beforeTrim returns the newest record before bound, and reports whether there is one at or after
// it.
func (s *Stream) beforeTrim(at shardKey, bound uint64) (lost mark, left bool, err error) {
	view, err := s.db.View()
	if err != nil {
		return mark{}, false, err
	}
	defer s.db.Release(view)
	iter, err := view.Iter(recordKey(at, 0), recordKey(at, ^uint64(0)))
	if err != nil {
		return mark{}, false, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	if iter.SeekLT(recordKey(at, bound)) {
		lost.Sequence = sequenceOf(iter.Key())
		if lost.Arrived, _, _, err = cutRecord(iter.Value()); err != nil {
			return mark{}, false, err
		}
	}
	left = iter.SeekGE(recordKey(at, bound))
	return lost, left, iter.Error()
}

// sweep trims the records that are older than the retention, at most once a minute. If it fails,
// the next sweep trims them.
func (s *Stream) sweep(ctx context.Context) {
	now := s.now()
	due := s.state.sweepAt.Load()
	if now.UnixMicro() < due || !s.state.sweepAt.CompareAndSwap(due, now.Add(min(time.Minute, s.retention/64)).UnixMicro()) {
		return
	}
	horizon := now.Add(-s.retention)
	for name, m := range *s.state.visible.Load() {
		for _, shard := range m.Shards {
			// The next sweep tries again.
			_ = s.sweepShard(ctx, name, shardKey{m.ID, shard.Number}, shard, horizon)
		}
	}
}

func (s *Stream) sweepShard(ctx context.Context, name string, at shardKey, shard shardMeta, horizon time.Time) error {
	view, err := s.db.View()
	if err != nil {
		return err
	}
	first, err := firstSince(view, at, shard.Lost.Sequence, horizon.UnixMicro())
	s.db.Release(view)
	closed := shard.ClosedAt != 0 && shard.ClosedAt <= horizon.UnixMicro()
	if err != nil || first == shard.Lost.Sequence+1 && !closed {
		return err
	}
	return s.trim(ctx, name, at, first, horizon)
}
