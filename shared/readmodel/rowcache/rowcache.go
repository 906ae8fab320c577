package rowcache

import (
	"cmp"
	"hash/maphash"
	"strings"
	"sync"
)

const (
	parts = 16
	// defaultBytes is about the memory that a projection's rows may take. Rows in memory make the
	// usual projection one put and no read.
	defaultBytes = 64 << 20
)

// Cache keeps the most recently used values, up to a weight, in parts with a lock each. It may be
// used concurrently.
type Cache[V any] struct {
	seed  maphash.Seed
	most  int // weight of a part
	parts [parts]part[V]
}

type part[V any] struct {
	mu     sync.Mutex
	rows   map[string]*cached[V]
	ring   cached[V] // ring.next is the newest, ring.prev the oldest
	weight int
}

type cached[V any] struct {
	key        string
	value      V
	weight     int
	prev, next *cached[V]
}

// New returns a cache of so many bytes; 0 is the default.
func New[V any](bytes int64) *Cache[V] {
	c := &Cache[V]{seed: maphash.MakeSeed(), most: int(cmp.Or(bytes, defaultBytes)) / parts}
	for i := range c.parts {
		p := &c.parts[i]
		p.rows = map[string]*cached[V]{}
		p.ring.prev, p.ring.next = &p.ring, &p.ring
	}
	return c
}

// part returns the part of a key.
func (c *Cache[V]) part(key string) *part[V] {
	return &c.parts[maphash.String(c.seed, key)%parts]
}

// Get returns the value of a key, which becomes the most recently used.
func (c *Cache[V]) Get(key string) (found V, ok bool) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.rows[key]
	if e == nil {
		return found, false
	}
	e.unlink()
	e.link(&p.ring)
	return e.value, true
}

// Put keeps a value of a weight, and evicts the least recently used ones over the bound.
func (c *Cache[V]) Put(key string, value V, weight int) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.rows[key]
	if e == nil {
		e = &cached[V]{key: strings.Clone(key)} // key may be a part of a record
		p.rows[e.key] = e
	} else {
		e.unlink()
	}
	p.weight += weight - e.weight
	e.value, e.weight = value, weight
	e.link(&p.ring)
	for p.weight > c.most && p.ring.prev != e {
		p.remove(p.ring.prev)
	}
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

func (p *part[V]) remove(e *cached[V]) {
	e.unlink()
	delete(p.rows, e.key)
	p.weight -= e.weight
}

func (e *cached[V]) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

func (e *cached[V]) link(ring *cached[V]) {
	e.prev, e.next = ring, ring.next
	ring.next.prev = e
	ring.next = e
}
