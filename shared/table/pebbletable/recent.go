package pebbletable

import (
	"hash/maphash"
	"sync"
)

const (
	recentShards = 32
	// recentBytes bounds what is remembered, keys and values: a few ten thousand read-model rows.
	recentBytes = 48 << 20
)

// recent remembers rows as they are stored that were written more than once: read models and leases
// are written again and again, and to search the tree for the row in place was a sixth of the whole
// bank's work. A row is looked up and remembered only by who holds its lock, so what is remembered
// is what is stored. All handles on one database share it.
type recent struct {
	seed   maphash.Seed
	shards [recentShards]struct {
		sync.Mutex
		// A row is in one of two generations; when the younger is full it becomes the older, and
		// what that held is forgotten.
		young, old map[string][]byte
		bytes      int
	}
}

func newRecent() any {
	r := &recent{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].young = make(map[string][]byte)
	}
	return r
}

// get is the stored row at key, if it is remembered. It must not be changed.
func (r *recent) get(key []byte) ([]byte, bool) {
	s := &r.shards[maphash.Bytes(r.seed, key)%recentShards]
	s.Lock()
	defer s.Unlock()
	value, ok := s.young[string(key)]
	if !ok {
		value, ok = s.old[string(key)]
	}
	return value, ok
}

// put remembers that value is stored at key; nil, that nothing is known.
func (r *recent) put(key, value []byte) {
	s := &r.shards[maphash.Bytes(r.seed, key)%recentShards]
	s.Lock()
	defer s.Unlock()
	if value == nil {
		delete(s.young, string(key))
		delete(s.old, string(key))
		return
	}
	if _, known := s.young[string(key)]; !known {
		s.bytes += len(key)
	}
	s.bytes += len(value) - len(s.young[string(key)])
	s.young[string(key)] = value
	if s.bytes > recentBytes/recentShards/2 {
		s.old, s.young, s.bytes = s.young, make(map[string][]byte), 0
	}
}
