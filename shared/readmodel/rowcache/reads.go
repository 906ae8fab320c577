package rowcache

import "passbook/shared/table"

// Reads keeps what was made of rows that were read, each until its row is written. A nil Reads
// keeps nothing. It may be used concurrently.
type Reads[V any] struct {
	rows  table.Stamped
	cache *Cache[read[V]]
}

// read is what was made of a row that was read after it had a stamp.
type read[V any] struct {
	value V
	stamp uint64
}

// NewReads returns a Reads of so many bytes for rows of t; 0 is the default. It returns nil if
// another process can write them.
func NewReads[V any](t table.Table, bytes int64) *Reads[V] {
	rows, ok := t.(table.Stamped)
	if !ok {
		return nil
	}
	return &Reads[V]{rows: rows, cache: New[read[V]](bytes)}
}

// Get returns what was made of a row, if the row was not written since. Otherwise it returns the
// stamp to Put with what the caller makes of the row, which it MUST read after this call.
func (r *Reads[V]) Get(name string, key table.Key) (value V, stamp uint64, known bool) {
	if r == nil {
		return value, 0, false
	}
	stamp = r.rows.Stamp(name, key)
	if kept, ok := r.cache.Get(key.PK); ok && stamp != 0 && kept.stamp == stamp {
		return kept.value, stamp, true
	}
	return value, stamp, false
}

// Put keeps what was made of a row that is alone in its partition, of a weight. A row that was
// being written is not kept.
func (r *Reads[V]) Put(key table.Key, value V, stamp uint64, weight int) {
	if stamp != 0 {
		r.cache.Put(key.PK, read[V]{value: value, stamp: stamp}, weight)
	}
}
