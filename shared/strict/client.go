package strict

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrCut is the answer of a call on a line that is cut. It leaves open whether the call happened.
var ErrCut = errors.New("strict: connection reset")

// Client is a process as AWS knows it: how far away it is, its line, and its bill. It is safe for
// concurrent use.
type Client struct {
	// Meter counts what the process did.
	Meter
	trip time.Duration
	cut  atomic.Bool
	lost atomic.Int64

	mu   sync.Mutex
	held chan struct{} // closed by Release; nil while calls go through
}

// NewClient makes a process whose every call takes roundTrip, half of it on the way there and half
// on the way back.
func NewClient(roundTrip time.Duration) *Client { return &Client{trip: roundTrip} }

// Cut makes every call fail until Heal, after its way there: also those that have reached the store
// and are on their way back.
func (c *Client) Cut() { c.cut.Store(true) }

// Heal ends Cut.
func (c *Client) Heal() { c.cut.Store(false) }

// Lost is how many calls a cut line has failed.
func (c *Client) Lost() int { return int(c.lost.Load()) }

// Hold keeps every call on its way there until Release. A caller may give up meanwhile; its call
// arrives all the same, late, as a request does that waits in a switch.
func (c *Client) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = make(chan struct{})
	}
}

// Release lets the held calls arrive.
func (c *Client) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		close(c.held)
		c.held = nil
	}
}

func (c *Client) hold() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// over makes a call over the client's line. What has arrived is done to its end, whether or not the
// caller still waits.
func over[T any](ctx context.Context, c *Client, call func(context.Context) (T, error)) (answer T, err error) {
	if err := c.travel(ctx); err != nil {
		return answer, err
	}
	arrived := context.WithoutCancel(ctx)
	if held := c.hold(); held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			go func() {
				<-held
				_, _ = call(arrived) // nobody listens any more
			}()
			return answer, ctx.Err()
		}
	}
	answer, err = call(arrived)
	if lost := c.travel(ctx); lost != nil {
		return *new(T), lost
	}
	return answer, err
}

// done is over for a call that answers only with an error.
func done(ctx context.Context, c *Client, call func(context.Context) error) error {
	_, err := over(ctx, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// travel is one way.
func (c *Client) travel(ctx context.Context) error {
	if c.trip > 0 {
		timer := time.NewTimer(c.trip / 2)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if c.cut.Load() {
		c.lost.Add(1)
		return ErrCut
	}
	return ctx.Err()
}
