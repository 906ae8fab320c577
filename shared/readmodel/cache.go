package readmodel

import (
	"cmp"
	"hash/maphash"
	"strings"
	"sync"
)

const (
	cacheParts = 16
	// defaultRowBytes is about what a projection's rows may take in memory, so that the common case
	// is one put and no read.
	defaultRowBytes = 64 << 20
)

// cache keeps the rows that were used last, by weight. It may be used concurrently.
type cache[S any] struct {
	seed  maphash.Seed
	most  int // weight of a part
	parts [cacheParts]cachePart[S]
}

type cachePart[S any] struct {
	mu     sync.Mutex
	rows   map[string]*cached[S]
	ring   cached[S] // ring.next is the newest, ring.prev the oldest
	weight int
}

type cached[S any] struct {
	key        string
	row        Row[S]
	weight     int
	prev, next *cached[S]
}

// newCache makes a cache of so many bytes; 0 is the default.
func newCache[S any](bytes int64) *cache[S] {
	c := &cache[S]{seed: maphash.MakeSeed(), most: int(cmp.Or(bytes, defaultRowBytes)) / cacheParts}
	for i := range c.parts {
		p := &c.parts[i]
		p.rows = map[string]*cached[S]{}
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
		e = &cached[S]{key: strings.Clone(key)} // key may be a part of a record
		p.rows[e.key] = e
	} else {
		e.unlink()
	}
	p.weight += weight - e.weight
	e.row, e.weight = row, weight
	e.link(&p.ring)
	for p.weight > c.most && p.ring.prev != e {
		p.drop(p.ring.prev)
	}
}

func (c *cache[S]) forget(key string) {
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.rows[key]; e != nil {
		p.drop(e)
	}
}

func (p *cachePart[S]) drop(e *cached[S]) {
	e.unlink()
	delete(p.rows, e.key)
	p.weight -= e.weight
}

func (e *cached[S]) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

func (e *cached[S]) link(ring *cached[S]) {
	e.prev, e.next = ring, ring.next
	ring.next.prev = e
	ring.next = e
}
