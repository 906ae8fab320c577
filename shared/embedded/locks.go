package embedded

import (
	"context"
	"hash/maphash"
	"slices"
)

// stripes is how many locks the keys share. With 64 callers, two of them need the same lock about
// once in 130 groups of writes.
const stripes = 1 << 13

// locks serialises writes of a key, from the check of the condition until the write is durable.
type locks struct {
	seed  maphash.Seed
	slots []chan struct{}
}

func (l *locks) init() {
	l.seed = maphash.MakeSeed()
	l.slots = make([]chan struct{}, stripes)
	for i := range l.slots {
		l.slots[i] = make(chan struct{}, 1)
	}
}

// Lock is a set of locked keys.
type Lock struct {
	slots []chan struct{}
	one   [1]chan struct{}
}

// LockKeys locks the keys, waiting for other callers until ctx ends. All callers lock in the same
// order, so they never deadlock.
func (db *DB) LockKeys(ctx context.Context, keys ...[]byte) (*Lock, error) {
	places := make([]uint64, 0, 1)
	for _, key := range keys {
		places = append(places, maphash.Bytes(db.locks.seed, key)%stripes)
	}
	slices.Sort(places)
	lock := &Lock{}
	lock.slots = lock.one[:0]
	for _, place := range slices.Compact(places) {
		slot := db.locks.slots[place]
		select {
		case slot <- struct{}{}:
			lock.slots = append(lock.slots, slot)
			continue
		default:
		}
		select {
		case slot <- struct{}{}:
			lock.slots = append(lock.slots, slot)
		case <-ctx.Done():
			lock.Unlock()
			return nil, ctx.Err()
		}
	}
	return lock, nil
}

// Unlock unlocks the keys.
func (l *Lock) Unlock() {
	for _, slot := range l.slots {
		<-slot
	}
}
