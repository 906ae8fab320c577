package consumer

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// halfOpen is a connection on which some calls get no answer, as if the peer were gone.
type halfOpen struct {
	mu   sync.Mutex
	left int // of the calls that hang
	hung int
	// deaf has a call ignore even its context, until the connection is closed.
	deaf   bool
	closed chan struct{}
}

// hang makes the next calls hang.
func (h *halfOpen) hang(calls int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left = calls
}

// checkHung fails the test unless so many calls hung.
func (h *halfOpen) checkHung(tb testing.TB, calls int) {
	tb.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hung != calls {
		tb.Errorf("%d calls hung, want %d", h.hung, calls)
	}
}

// call hangs if calls are left that must.
func (h *halfOpen) call(ctx context.Context) error {
	h.mu.Lock()
	hangs := h.left > 0
	if hangs {
		h.left--
		h.hung++
	}
	h.mu.Unlock()
	switch {
	case !hangs:
		return nil
	case h.deaf:
		<-h.closed
		return errCut
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-h.closed:
		return errCut
	}
}

type halfOpenStream struct {
	stream.Stream
	line *halfOpen
}

func (s halfOpenStream) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	if err := s.line.call(ctx); err != nil {
		return stream.Batch{}, err
	}
	return s.Stream.Get(ctx, iterator, limit)
}

// A read without an answer stalls its shard, whose lease is still renewed. After a lease the shard
// is given up, and another worker reads on, or the same one if it is alone.
func TestReadWithoutAnAnswerCostsOneLease(t *testing.T) {
	for name, deaf := range map[string]bool{"another reads on": true, "the same reads on": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTeam(t, 1)
				line := &halfOpen{deaf: deaf, closed: make(chan struct{})}
				c.start("a", func(config *Config) { config.Runtime.Streams = halfOpenStream{c.streams, line} })
				c.within(time.Second, "a has it", func() bool { return c.owned()["a"] == 1 })
				if deaf {
					c.start("b", nil)
				}
				time.Sleep(2 * testLease)
				line.hang(1)
				c.publish(archivetest.Bank(3, 1, 3)...)
				c.within(testLease*3/2, "read", c.delivered(3))
				line.checkHung(t, 1)
				close(line.closed)
			})
		})
	}
}

type halfOpenDirectory struct {
	journal *memoryJournal
	line    *halfOpen
}

func (d halfOpenDirectory) Accounts(ctx context.Context, digit byte, after string) ([]event.Account, string, error) {
	if err := d.line.call(ctx); err != nil {
		return nil, "", err
	}
	return d.journal.Accounts(ctx, digit, after)
}

// No lease watches the sweep of a hole, so each of its steps has a deadline.
func TestHoleIsHealedAlthoughAStepOfItHangs(t *testing.T) {
	for name, healHangs := range map[string]bool{"a listing": false, "an account": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTeam(t, 1)
				entries := archivetest.Bank(6, 4, 40)
				c.journal.commit(entries...)
				l := c.ledger()
				c.start("a", c.heal(l))
				c.publish(entries[:20]...)
				time.Sleep(2 * time.Second)
				c.halt("a")
				c.publish(entries[20:]...)
				c.trimAll()
				line := &halfOpen{left: 1}
				listing, healing := line, &halfOpen{}
				if healHangs {
					listing, healing = healing, line
				}
				c.start("b", func(config *Config) {
					c.heal(l)(config)
					config.Accounts = halfOpenDirectory{c.journal, listing}.Accounts
					config.Heal = func(ctx context.Context, a event.Account) error {
						if err := healing.call(ctx); err != nil {
							return err
						}
						return l.heal(ctx, a)
					}
				})
				c.within(maintainTimeout+2*testLease, "healed", func() bool { return c.foundHoles() == 1 && c.openHoles() == 0 })
				line.checkHung(t, 1)
				l.check()
			})
		})
	}
}
