package rowcache

import (
	"sync"

	"passbook/shared/table"
)

// Generations keeps rows of a model's generations. It may be used concurrently.
type Generations[V any] struct {
	table table.Stamped // nil if another process can write the rows
	name  string
	bytes int64
	all   sync.Map // generation -> *Rows[V]
}

// NewGenerations returns the generations of the rows in a table of t, of so many bytes each; 0 is
// the default.
func NewGenerations[V any](t table.Table, name string, bytes int64) *Generations[V] {
	stamped, _ := t.(table.Stamped)
	return &Generations[V]{table: stamped, name: name, bytes: bytes}
}

// Of returns the rows of a generation.
func (g *Generations[V]) Of(generation int64) *Rows[V] {
	rows, ok := g.all.Load(generation)
	if !ok {
		rows, _ = g.all.LoadOrStore(generation, &Rows[V]{table: g.table, name: g.name, cache: New[stamped[V]](g.bytes)})
	}
	return rows.(*Rows[V])
}

// Forget forgets the rows of a generation.
func (g *Generations[V]) Forget(generation int64) { g.all.Delete(generation) }

// Rows keeps what was made of the rows of one generation, each alone in its partition, by account.
// A projection gets each as it was put: the condition of its next write tells whether another one
// wrote the row. A reader gets only what is stored for certain, as its stamp tells. It may be used
// concurrently.
type Rows[V any] struct {
	table table.Stamped
	name  string
	cache *Cache[stamped[V]]
}

// stamped is what was made of a row, and the row's stamp, 0 if it is unknown.
type stamped[V any] struct {
	value V
	stamp uint64
}

// Get returns a row for the projection, which may have been written since.
func (r *Rows[V]) Get(account string) (value V, ok bool) {
	kept, ok := r.cache.Get(account)
	return kept.value, ok
}

// Forget forgets the row of an account.
func (r *Rows[V]) Forget(account string) { r.cache.Forget(account) }

// Expect returns the stamp that a row has after a write that the caller is about to make, unless
// another write comes between; 0 if that is unknown. replaced says that there is such a row.
func (r *Rows[V]) Expect(key table.Key, replaced bool) uint64 {
	if r.table == nil {
		return 0
	}
	stamp := r.table.Stamp(r.name, key)
	if replaced && stamp != 0 {
		stamp = r.table.NextStamp(stamp)
	}
	return stamp
}

// Put keeps a row that was written and refers to about so many bytes. stamp is what Expect returned
// before: the row only has it if nobody else wrote it since.
func (r *Rows[V]) Put(account string, value V, stamp uint64, bytes int) {
	r.cache.Put(account, stamped[V]{value: value, stamp: stamp}, bytes)
}

// Read returns a row for a reader, if it was not written since. Otherwise it returns the stamp to
// Keep with the row, which the caller MUST read after this call.
func (r *Rows[V]) Read(account string, key table.Key) (value V, stamp uint64, known bool) {
	if r.table == nil {
		return value, 0, false
	}
	stamp = r.table.Stamp(r.name, key)
	if kept, ok := r.cache.Get(account); ok && stamp != 0 && kept.stamp == stamp {
		return kept.value, stamp, true
	}
	return value, stamp, false
}

// Keep keeps a row that was read and refers to about so many bytes, unless it was written since.
func (r *Rows[V]) Keep(account string, key table.Key, value V, stamp uint64, bytes int) {
	if stamp != 0 && r.table.Stamp(r.name, key) == stamp {
		r.cache.Put(account, stamped[V]{value: value, stamp: stamp}, bytes)
	}
}
