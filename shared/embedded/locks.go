package embedded

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
)

const (
	// lockShards is how many parts the table of held locks has. The part of a lock is the first
	// bits of its hash, so that locks in their order are in the order of the parts too.
	lockShards    = 16
	lockShardBits = 60
)

// locks serialises writes of a key, from the check of the condition until the write is durable. A
// lock is the hash of its key, of 64 bits: two keys with one hash would only wait for each other.
type locks struct {
	seed   maphash.Seed
	shards [lockShards]lockShard
}

// lockShard has the held locks of a part. The value of a lock is those who wait for it, in their
// order.
type lockShard struct {
	sync.Mutex
	held map[uint64][]chan struct{}
}

func (l *locks) init() {
	l.seed = maphash.MakeSeed()
	for i := range l.shards {
		l.shards[i].held = make(map[uint64][]chan struct{})
	}
}

func (l *locks) shard(hash uint64) *lockShard { return &l.shards[hash>>lockShardBits] }

// Lock is a set of locked keys.
type Lock struct {
	of     *locks
	hashes []uint64
	one    [1]uint64
}

// LockKeys locks the keys, waiting for other callers until ctx ends. All callers lock in the same
// order, so they never deadlock.
func (db *DB) LockKeys(ctx context.Context, keys ...[]byte) (*Lock, error) {
	lock := &Lock{of: &db.locks}
	hashes := lock.one[:0]
	if len(keys) > 1 {
		hashes = make([]uint64, 0, len(keys))
	}
	for _, key := range keys {
		hashes = append(hashes, maphash.Bytes(db.locks.seed, key))
	}
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	for taken := 0; taken < len(hashes); {
		n, turn := db.locks.shard(hashes[taken]).take(hashes[taken:])
		lock.hashes = hashes[:taken+n]
		if turn != nil {
			if err := db.locks.wait(ctx, hashes[taken+n], turn); err != nil {
				lock.Unlock()
				return nil, err
			}
			n++
		}
		taken += n
	}
	lock.hashes = hashes
	return lock, nil
}

// take takes the first locks that are in the shard, and returns how many. If the next one is held
// by another caller, turn is closed when it is handed over.
func (s *lockShard) take(hashes []uint64) (n int, turn chan struct{}) {
	s.Lock()
	defer s.Unlock()
	for part := hashes[0] >> lockShardBits; n < len(hashes) && hashes[n]>>lockShardBits == part; n++ {
		waiting, held := s.held[hashes[n]]
		if held {
			turn = make(chan struct{})
			s.held[hashes[n]] = append(waiting, turn)
			return n, turn
		}
		s.held[hashes[n]] = nil
	}
	return n, nil
}

// wait waits until a lock is handed over. After an error the caller does not have it.
func (l *locks) wait(ctx context.Context, hash uint64, turn chan struct{}) error {
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s := l.shard(hash)
	s.Lock()
	waiting := s.held[hash]
	if place := slices.Index(waiting, turn); place >= 0 {
		s.held[hash] = slices.Delete(waiting, place, place+1)
		s.Unlock()
	} else { // it was handed over just now
		s.release(hash)
		s.Unlock()
	}
	return ctx.Err()
}

// release hands a lock over to the first who waits for it. The caller holds the mutex.
func (s *lockShard) release(hash uint64) {
	waiting := s.held[hash]
	if len(waiting) == 0 {
		delete(s.held, hash)
		return
	}
	s.held[hash] = waiting[1:]
	close(waiting[0])
}

// Unlock unlocks the keys.
func (l *Lock) Unlock() {
	for rest := l.hashes; len(rest) > 0; {
		s, part := l.of.shard(rest[0]), rest[0]>>lockShardBits
		s.Lock()
		for len(rest) > 0 && rest[0]>>lockShardBits == part {
			s.release(rest[0])
			rest = rest[1:]
		}
		s.Unlock()
	}
}
