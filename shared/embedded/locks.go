package embedded

import (
	"context"
	"hash/maphash"
	"slices"
)

// stripes is how many locks the keys share: with 64 callers, two of them meet on one about once in
// 130 groups of writes.
const stripes = 1 << 13

// locks serialises read-check-write on a key, from the check to the moment when the write is
// durable.
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

// Lock is a held set of keys.
type Lock struct {
	slots []chan struct{}
	one   [1]chan struct{}
}

// LockKeys takes the keys, waiting for others until ctx ends. Keys are taken in one order, so that
// callers never deadlock.
func (db *DB) LockKeys(ctx context.Context, keys ...[]byte) (*Lock, error) {
	places := make([]uint64, 0, 1)
	for _, key := range keys {
		places = append(places, maphash.Bytes(db.locks.seed, key)%stripes)
	}
	slices.Sort(places)
	held := &Lock{}
	held.slots = held.one[:0]
	for _, place := range slices.Compact(places) {
		slot := db.locks.slots[place]
		select {
		case slot <- struct{}{}:
			held.slots = append(held.slots, slot)
			continue
		default:
		}
		select {
		case slot <- struct{}{}:
			held.slots = append(held.slots, slot)
		case <-ctx.Done():
			held.Unlock()
			return nil, ctx.Err()
		}
	}
	return held, nil
}

// Unlock gives the keys back.
func (l *Lock) Unlock() {
	for _, slot := range l.slots {
		<-slot
	}
}
