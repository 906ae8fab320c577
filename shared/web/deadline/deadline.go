package deadline

import (
	"context"
	"sync"
	"time"
)

// Context is a context that ends with another one, at a time, and with End. A type that embeds it
// may add values. The timer is made when somebody asks for Done.
type Context struct {
	parent context.Context
	at     time.Time // zero for no time

	mu     sync.Mutex
	timed  context.Context // has the timer, once it is made; done after End
	cancel context.CancelFunc
}

// Begin sets the context that c ends with, and the time at which it ends; with the zero time, it
// only ends with parent. It precedes all other uses.
func (c *Context) Begin(parent context.Context, at time.Time) { c.parent, c.at = parent, at }

// Value returns a value of the context that c ends with.
func (c *Context) Value(key any) any {
	if timed := c.withTimer(); timed != nil && timed != ended {
		return timed.Value(key) // contexts made of this one look there for what ends them
	}
	return c.parent.Value(key)
}

// Deadline returns the time at which the context ends, if there is one.
func (c *Context) Deadline() (time.Time, bool) {
	if c.at.IsZero() {
		return c.parent.Deadline()
	}
	return c.at, true
}

// Done returns a channel that is closed when the context has ended.
func (c *Context) Done() <-chan struct{} {
	if c.at.IsZero() {
		return c.parent.Done()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.cancel = context.WithDeadline(c.parent, c.at)
	}
	return c.timed.Done()
}

// Err returns why the context has ended, or nil.
func (c *Context) Err() error {
	if timed := c.withTimer(); timed != nil {
		return timed.Err()
	}
	if err := c.parent.Err(); err != nil || c.at.IsZero() || time.Now().Before(c.at) {
		return err
	}
	return context.DeadlineExceeded
}

// withTimer returns the context that has the timer, nil while there is none.
func (c *Context) withTimer() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.timed
}

// ended is the context of what ended before anybody waited for it.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// End ends the context, if it has a time, as the cancel function of one would.
func (c *Context) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.at.IsZero():
	case c.timed == nil:
		c.timed = ended
	case c.cancel != nil:
		c.cancel()
	}
}
