package oidc

import (
	"crypto/sha256"
	"sync"
	"time"

	"passbook/shared/access"
)

// cache remembers the principals of tokens that were checked, by the tokens' SHA-256: a signature
// costs a hundred times as much as a look-up. It has at most twice max tokens, those that were used
// last. It is safe for concurrent use.
type cache struct {
	max int

	mu       sync.RWMutex
	now, old map[[sha256.Size]byte]checked
	cleared  int
}

// checked is the principal of a token, until its end.
type checked struct {
	principal *access.Principal
	until     time.Time
}

func newCache(most int) *cache {
	return &cache{max: most, now: map[[sha256.Size]byte]checked{}}
}

// get returns what a token was found to be, nil if that is not known, and until when it is valid.
func (c *cache) get(token string) (*access.Principal, time.Time) {
	key := sha256.Sum256([]byte(token))
	c.mu.RLock()
	found, recent := c.now[key]
	if !recent {
		found = c.old[key]
	}
	turn := c.cleared
	c.mu.RUnlock()
	if found.principal != nil && !recent {
		c.keep(key, found, turn)
	}
	return found.principal, found.until
}

// turn returns how often the cache was cleared.
func (c *cache) turn() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.cleared
}

// put remembers a token, unless the cache was cleared since turn.
func (c *cache) put(token string, p *access.Principal, until time.Time, turn int) {
	c.keep(sha256.Sum256([]byte(token)), checked{p, until}, turn)
}

// keep puts a token among those that were used last.
func (c *cache) keep(key [sha256.Size]byte, what checked, turn int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if turn != c.cleared {
		return
	}
	if len(c.now) >= c.max {
		c.old, c.now = c.now, map[[sha256.Size]byte]checked{}
	}
	c.now[key] = what
}

// clear forgets everything.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleared++
	c.now, c.old = map[[sha256.Size]byte]checked{}, nil
}
