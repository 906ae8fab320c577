package readmodel

import (
	"cmp"
	"hash/maphash"
	"strings"
	"sync"
)

const (
	cacheParts = 16
	// defaultRowBytes is about the memory that a projection's rows may take. Rows in memory make
	// the usual projection one put and no read.
	defaultRowBytes = 64 << 20
)

// cache keeps the most recently used rows, up to a weight, in parts with a lock each. It may be
// used concurrently. It evicts at once and in order, without a goroutine.
type cache[S any] struct {
	seed  maphash.Seed
	most  int // weight of a part
	parts [cacheParts]cachePart[S]
}

type cachePart[S any] struct {
	mu     sync.Mutex
	rows   map[string]*cachedRow[S]
	ring   cachedRow[S] // ring.next is the newest, ring.prev the oldest
	weight int
}

type cachedRow[S any] struct {
	key        string
	row        Row[S]
	weight     int
	prev, next *cachedRow[S]
}

// newCache returns a cache of so many bytes; 0 is the default.
func newCache[S any](bytes int64) *cache[S] {
	c := &cache[S]{seed: maphash.MakeSeed(), most: int(cmp.Or(bytes, defaultRowBytes)) / cacheParts}
	for i := range c.parts {
		p := &c.parts[i]
		p.rows = map[string]*cachedRow[S]{}
		p.ring.prev, p.ring.next = &p.ring, &p.ring
	}
	return c
}

func (c *cache[S]) part(key string) *cachePart[S] {
	return &c.parts[maphash.String(c.seed, key)%cacheParts]
}

func (c *cache[S]) get(key string) (Row[S], bool) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.rows[key]
	if e == nil {
		return Row[S]{}, false
	}
	e.unlink()
	e.link(&p.ring)
	return e.row, true
}

func (c *cache[S]) put(key string, row Row[S], weight int) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.rows[key]
	if e == nil {
		e = &cachedRow[S]{key: strings.Clone(key)} // key may be a part of a record
		p.rows[e.key] = e
	} else {
		e.unlink()
	}
	p.weight += weight - e.weight
	e.row, e.weight = row, weight
	e.link(&p.ring)
	for p.weight > c.most && p.ring.prev != e {
		p.remove(p.ring.prev)
	}
}

func (c *cache[S]) forget(key string) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.rows[key]; e != nil {
		p.remove(e)
	}
}

func (p *cachePart[S]) remove(e *cachedRow[S]) {
	e.unlink()
	delete(p.rows, e.key)
	p.weight -= e.weight
}

func (e *cachedRow[S]) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

func (e *cachedRow[S]) link(ring *cachedRow[S]) {
	e.prev, e.next = ring, ring.next
	ring.next.prev = e
	ring.next = e
}
