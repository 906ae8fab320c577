package pebbletable

import (
	"hash/maphash"
	"sync"
)

const (
	recentShards = 32
	// recentOverhead is about what a row takes beside its key and its value.
	recentOverhead = 96
)

// recent is a cache of stored rows that were written more than once: rows of read models and leases
// are replaced again and again, and searching the tree for the row in place was a sixth of the work
// of the whole bank. A row is read and cached only under its lock, so the cache never differs from
// the store. All handles on one database share it.
type recent struct {
	seed   maphash.Seed
	most   int // bytes
	shards [recentShards]struct {
		sync.Mutex
		// A row is in one of two generations; when the younger is full it becomes the older, and
		// what that held is forgotten.
		young, old map[string][]byte
		bytes      int
	}
}

func newRecent(most int) *recent {
	r := &recent{seed: maphash.MakeSeed(), most: most}
	for i := range r.shards {
		r.shards[i].young = make(map[string][]byte)
	}
	return r
}

// get returns the stored row at key, if it is cached. The caller must not change it.
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

// put caches the row stored at key. With nil it removes the row from the cache.
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
		s.bytes += len(key) + recentOverhead
	}
	s.bytes += len(value) - len(s.young[string(key)])
	s.young[string(key)] = value
	if s.bytes > r.most/recentShards/2 {
		s.old, s.young, s.bytes = s.young, make(map[string][]byte), 0
	}
}
