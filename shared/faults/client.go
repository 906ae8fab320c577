package faults

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/backoff"
)

// ErrDisconnected is the answer of a call while the client is disconnected. The call may have
// happened or not.
var ErrDisconnected = errors.New("faults: connection reset")

// Client is a process as AWS knows it: its round trip, its connection, and its bill. It is safe for
// concurrent use.
type Client struct {
	// Meter counts what the process did.
	Meter
	trip         time.Duration
	disconnected atomic.Bool
	failed       atomic.Int64

	mu      sync.Mutex
	stalled chan struct{} // closed by Resume; nil while calls go through
}

// NewClient returns a process whose every call takes roundTrip, half of it on the way to the store
// and half on the way back.
func NewClient(roundTrip time.Duration) *Client { return &Client{trip: roundTrip} }

// Disconnect makes every call fail with ErrDisconnected until Reconnect, at the end of its way to
// the store or back: a call that has reached the store loses only its answer.
func (c *Client) Disconnect() { c.disconnected.Store(true) }

// Reconnect ends Disconnect.
func (c *Client) Reconnect() { c.disconnected.Store(false) }

// Failed returns how many calls failed with ErrDisconnected.
func (c *Client) Failed() int { return int(c.failed.Load()) }

// Stall keeps every call on its way to the store until Resume. A caller may give up before; its
// call arrives late, like a request that waits in a switch.
func (c *Client) Stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled == nil {
		c.stalled = make(chan struct{})
	}
}

// Resume lets the stalled calls arrive.
func (c *Client) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled != nil {
		close(c.stalled)
		c.stalled = nil
	}
}

// resumed returns the channel that Resume closes, nil while calls go through.
func (c *Client) resumed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stalled
}

// send sends a call over the client's connection. A call that has arrived runs to its end, whether
// or not the caller still waits.
func send[T any](ctx context.Context, c *Client, call func(context.Context) (T, error)) (answer T, err error) {
	if err := c.travel(ctx); err != nil {
		return answer, err
	}
	arrived := context.WithoutCancel(ctx)
	if resumed := c.resumed(); resumed != nil {
		select {
		case <-resumed:
		case <-ctx.Done():
			go func() {
				<-resumed
				_, _ = call(arrived) // the caller has given up
			}()
			return answer, ctx.Err()
		}
	}
	answer, err = call(arrived)
	if err := c.travel(ctx); err != nil {
		return *new(T), err
	}
	return answer, err
}

// done makes a call over the connection that answers only with an error.
func done(ctx context.Context, c *Client, call func(context.Context) error) error {
	_, err := send(ctx, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// travel takes half a round trip, and fails if the client is disconnected at its end.
func (c *Client) travel(ctx context.Context) error {
	if c.trip > 0 {
		if err := backoff.Sleep(ctx, c.trip/2); err != nil {
			return err
		}
	}
	if c.disconnected.Load() {
		c.failed.Add(1)
		return ErrDisconnected
	}
	return ctx.Err()
}
