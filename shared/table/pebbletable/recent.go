package pebbletable

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
)

const (
	recentShards = 32
	// recentOverhead is about what a row takes beside its key and what is kept of it.
	recentOverhead = 120
)

// recent keeps what writes need to know of stored rows that were written more than once: rows of
// read models and leases are replaced again and again, and searching the tree for the row in place
// was a sixth of the work of the whole bank. A row is looked up and kept only under its lock, so
// what is kept never differs from the store. All handles on one database share it.
type recent struct {
	seed   maphash.Seed
	most   int // bytes
	shards [recentShards]struct {
		sync.Mutex
		// A row is in one of two generations; when the younger is full it becomes the older, and
		// what that held is forgotten.
		young, old map[string]*kept
		bytes      int
	}
}

// kept is what is kept of a row, guarded by the row's lock.
type kept struct{ row []byte }

func newRecent(most int) *recent {
	r := &recent{seed: maphash.MakeSeed(), most: most}
	for i := range r.shards {
		r.shards[i].young = make(map[string]*kept)
	}
	return r
}

// get returns what is kept of the row at key. The caller must not change it, and has it until it
// unlocks the row.
func (r *recent) get(key []byte) ([]byte, bool) {
	s := &r.shards[maphash.Bytes(r.seed, key)%recentShards]
	s.Lock()
	defer s.Unlock()
	k := s.young[string(key)]
	if k == nil {
		k = s.old[string(key)]
	}
	if k == nil {
		return nil, false
	}
	return k.row, true
}

// put keeps a copy of what writes need to know of the row stored at key. With nil it forgets the
// row.
func (r *recent) put(key, row []byte) {
	s := &r.shards[maphash.Bytes(r.seed, key)%recentShards]
	s.Lock()
	defer s.Unlock()
	if row == nil {
		delete(s.young, string(key))
		delete(s.old, string(key))
		return
	}
	k := s.young[string(key)]
	if k == nil {
		k = &kept{}
		s.young[string(key)] = k
		s.bytes += len(key) + recentOverhead
	}
	s.bytes += len(row) - len(k.row)
	k.row = append(k.row[:0], row...)
	if s.bytes > r.most/recentShards/2 {
		s.old, s.young, s.bytes = s.young, make(map[string]*kept), 0
	}
}

// tagNone takes the place of the value of an attribute that the row does not have. It is never
// stored.
const tagNone byte = '-'

// appendKept appends what is kept of a row that is put: encoded as a row, the attributes that its
// condition and its indexes name.
func (c *change) appendKept(to []byte) []byte {
	var room [8]string
	names := c.names(room[:0])
	to = binary.AppendUvarint(append(to, rowFormat), uint64(len(names)))
	for _, name := range names {
		to = appendText(to, name)
		if v, ok := c.row.Attrs[name]; ok {
			to = appendValue(to, v)
		} else {
			to = append(to, tagNone)
		}
	}
	return to
}

// suffices reports whether what is kept of the row in place has all that the change needs to know.
// Another handle may have other indexes, and another condition may name another attribute.
func (c *change) suffices(row []byte) bool {
	var room [8]string
	for _, name := range c.names(room[:0]) {
		if value, _, err := lookup(row, name); value == nil || err != nil {
			return false
		}
	}
	return true
}

// names appends the attributes of the row that the condition and the indexes name.
func (c *change) names(to []string) []string {
	if _, attr, _ := c.cond.Parts(); attr != "" && attr != "pk" && attr != "sk" {
		to = append(to, attr)
	}
	for i := range c.schema.Indexes {
		x := &c.schema.Indexes[i]
		to = append(to, x.PK)
		if x.SK != "pk" {
			to = append(to, x.SK)
		}
	}
	return to
}
