package pebblestream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"
	"passbook/shared/stream"
)

// reservation is how many sequence numbers are reserved with one write. A crash skips the unused
// ones.
const reservation = 1 << 20

// catalog is all streams by name. It is never changed, only replaced.
type catalog map[string]*meta

// state is shared by all handles on one database.
//
// It has two versions of the streams. staged is that of the writers: it is read and replaced only
// within a Stage, so that a record never lands on a shard after its split. visible is that of the
// readers: it follows when the change is durable.
type state struct {
	loaded error

	staged  catalog
	visible atomic.Pointer[catalog]

	// next and reserved bound the sequence numbers; last has the newest arrival of each shard. They
	// are used only within a Stage.
	next, reserved uint64
	last           map[shardKey]int64

	// admin is locked by calls that split, merge, trim, create or delete.
	admin sync.Mutex
	// sweepAt is the time of the next sweep, Unix microseconds.
	sweepAt atomic.Int64

	arrivals arrivals
	trims    trims
	tail     tail
}

func load(db *embedded.DB, tailBytes int) *state {
	s := &state{staged: catalog{}, last: map[shardKey]int64{}}
	s.arrivals.open = map[shardKey]chan struct{}{}
	s.trims.marks = map[shardKey]mark{}
	s.tail.most, s.tail.shards = tailBytes, map[shardKey]*shardTail{}
	s.loaded = s.load(db)
	first := s.staged
	s.visible.Store(&first)
	return s
}

func (s *state) load(db *embedded.DB) (err error) {
	view, err := db.View()
	if err != nil {
		return err
	}
	defer db.Release(view)
	if _, err := view.Get(counterKey, func(v []byte) error {
		if len(v) != 8 {
			return errors.New("sequence counter is damaged")
		}
		s.reserved = binary.BigEndian.Uint64(v)
		return nil
	}); err != nil {
		return err
	}
	s.next = s.reserved
	lower := metaKey("")
	iter, err := view.Iter(lower, append(lower[:1:1], metaSpace+1))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for ok := iter.First(); ok; ok = iter.Next() {
		m := &meta{}
		if err := json.Unmarshal(iter.Value(), m); err != nil {
			return fmt.Errorf("stream description %q is damaged: %w", iter.Key()[len(lower):], err)
		}
		s.staged[m.Name] = m.index()
		for _, shard := range m.Shards {
			at := shardKey{m.ID, shard.Number}
			s.trims.set(at, shard.Lost)
			last, arrived, err := newest(view, at)
			if err != nil {
				return err
			}
			s.last[at] = arrived
			s.tail.begin(at, last)
		}
	}
	return iter.Error()
}

// newest returns the last record of a shard in the view, zeros if there is none.
func newest(view *embedded.View, at shardKey) (sequence uint64, arrived int64, err error) {
	iter, err := view.Iter(recordKey(at, 0), recordKey(at, ^uint64(0)))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	if iter.Last() {
		sequence = sequenceOf(iter.Key())
		arrived, _, _, err = cutRecord(iter.Value())
	}
	return sequence, arrived, errors.Join(err, iter.Error())
}

// find returns a stream of the catalog that was not deleted.
func (c catalog) find(name string) (*meta, error) {
	if m := c[name]; m != nil && !m.Deleted {
		return m, nil
	}
	return nil, fmt.Errorf("%w: stream %q", stream.ErrNotFound, name)
}

// shard returns the shard of a key.
func (c catalog) shard(at shardKey) (*meta, *shardMeta, error) {
	for _, m := range c {
		if m.ID == at.stream && !m.Deleted {
			if s := m.shard(at.shard); s != nil {
				return m, s, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("%w: shard of the iterator", stream.ErrNotFound)
}

// sequence returns the next sequence number, with gaps as on Kinesis, and reserves more when they
// run out. It is called only within a Stage.
func (s *state) sequence(batch *pebble.Batch) (uint64, error) {
	s.next += 1 + s.next*0x9e3779b97f4a7c15>>62
	if s.next >= s.reserved {
		s.reserved = s.next + reservation
		if err := batch.Set(counterKey, binary.BigEndian.AppendUint64(nil, s.reserved), nil); err != nil {
			return 0, err
		}
	}
	return s.next, nil
}

// stage replaces the description of a stream for the writers, and returns a function that shows it
// to the readers, to be called when it is durable. It is called only within a Stage.
func (s *state) stage(batch *pebble.Batch, m *meta) (show func(), err error) {
	text, err := json.Marshal(m.index())
	if err != nil {
		return nil, err
	}
	if err := batch.Set(metaKey(m.Name), text, nil); err != nil {
		return nil, err
	}
	next := maps.Clone(s.staged)
	next[m.Name] = m
	s.staged = next
	return func() { s.visible.Store(&next) }, nil
}

// mark is the newest trimmed record of a shard, zeros if there is none.
type mark struct {
	Sequence uint64 `json:"sequence"`
	// Arrived is when it arrived, Unix microseconds.
	Arrived int64 `json:"arrived"`
}

// trims is the marks of all shards. A mark is set when its trim is staged, before any view can lack
// the records. So a reader that takes a view and then looks at the mark never misses a trim.
type trims struct {
	mu    sync.Mutex
	marks map[shardKey]mark
}

func (t *trims) set(at shardKey, m mark) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marks[at] = m
}

func (t *trims) get(at shardKey) mark {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.marks[at]
}

// arrivals notifies the readers that wait for a shard.
type arrivals struct {
	mu   sync.Mutex
	open map[shardKey]chan struct{}
}

// wait returns the channel that the next notify of a shard closes. It looks the shard up under the
// lock, so that a later change of the shard closes this channel.
func (b *arrivals) wait(find func() (shardKey, error)) (<-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, err := find()
	if err != nil {
		return nil, err
	}
	c := b.open[at]
	if c == nil {
		c = make(chan struct{})
		b.open[at] = c
	}
	return c, nil
}

func (b *arrivals) notify(at shardKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.open[at]; c != nil {
		close(c)
		delete(b.open, at)
	}
}
