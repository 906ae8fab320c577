package rowcache

import (
	"cmp"
	"hash/maphash"
	"reflect"
	"strings"
	"sync"
)

const (
	parts = 16
	// defaultBytes is about the memory that the rows of a generation may take. Rows in memory make
	// the usual projection one put and no read.
	defaultBytes = 64 << 20
	// slotBytes is about what a value takes in the map and the ring of its part.
	slotBytes = 56
)

// Cache keeps values that were used lately, up to a weight, in parts with a lock each. It may be
// used concurrently.
type Cache[V any] struct {
	seed  maphash.Seed
	each  int // weight of a value besides its key and what it refers to
	most  int // weight of a part
	parts [parts]part[V]
}

// part is a part of a cache. The hand goes round the ring: it passes over what was used since it
// came there last, and evicts what was not.
type part[V any] struct {
	mu     sync.Mutex
	rows   map[string]*cached[V]
	ring   []*cached[V]
	hand   int
	weight int
}

type cached[V any] struct {
	key    string
	value  V
	weight int
	place  int // in the ring
	used   bool
}

// New returns a cache of so many bytes; 0 is the default.
func New[V any](bytes int64) *Cache[V] {
	c := &Cache[V]{
		seed: maphash.MakeSeed(), each: int(reflect.TypeFor[cached[V]]().Size()) + slotBytes, most: int(cmp.Or(bytes, defaultBytes)) / parts,
	}
	for i := range c.parts {
		c.parts[i].rows = map[string]*cached[V]{}
	}
	return c
}

// part returns the part of a key.
func (c *Cache[V]) part(key string) *part[V] {
	return &c.parts[maphash.String(c.seed, key)%parts]
}

// Get returns the value of a key.
func (c *Cache[V]) Get(key string) (found V, ok bool) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.rows[key]
	if e == nil {
		return found, false
	}
	e.used = true
	return e.value, true
}

// Put keeps a value, which refers to about so many bytes, and evicts others over the bound.
func (c *Cache[V]) Put(key string, value V, bytes int) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.rows[key]
	if e != nil {
		e.used = true
	} else {
		e = &cached[V]{key: strings.Clone(key), place: len(p.ring)} // key may be a part of a record
		p.rows[e.key] = e
		p.ring = append(p.ring, e)
	}
	weight := c.each + len(key) + bytes
	p.weight += weight - e.weight
	e.value, e.weight = value, weight
	for p.weight > c.most && len(p.ring) > 1 {
		p.advance(e)
	}
}

// advance evicts the value under the hand, unless it stays, and moves the hand on: behind it is the
// place of the newest value.
func (p *part[V]) advance(stays *cached[V]) {
	if p.hand >= len(p.ring) {
		p.hand = 0
	}
	e := p.ring[p.hand]
	if !e.used && e != stays {
		p.remove(e)
	}
	e.used = false
	p.hand++
}

// Forget removes the value of a key.
func (c *Cache[V]) Forget(key string) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.rows[key]; e != nil {
		p.remove(e)
	}
}

// remove removes a value. The last one of the ring takes its place.
func (p *part[V]) remove(e *cached[V]) {
	last := len(p.ring) - 1
	p.ring[e.place] = p.ring[last]
	p.ring[e.place].place = e.place
	p.ring[last] = nil
	p.ring = p.ring[:last]
	delete(p.rows, e.key)
	p.weight -= e.weight
}
