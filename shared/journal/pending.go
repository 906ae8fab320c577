package journal

import (
	"context"
	"fmt"
	"sync/atomic"

	"passbook/shared/event"
)

// Pending is a command on its way through the journal, and then its outcome. Either its lane or its
// caller, who gives up, claims it: the first one decides what happens to it.
type Pending struct {
	Command Command
	// Waiter is told once Receipt and Err are there.
	Waiter  Waiter
	Receipt Receipt
	Err     error

	// exclusive, if set, runs with the lane to itself, instead of a decision together with others.
	exclusive func(*lane)
	claimed   atomic.Bool
	lane      event.Account // in whose queue it is
}

// Waiter waits for a command. A goroutine of the journal calls Ended, once: it must not wait.
type Waiter interface{ Ended() }

func (p *Pending) claim() bool { return p.claimed.CompareAndSwap(false, true) }

func (p *Pending) answer(r Receipt) {
	p.Receipt = r
	p.Waiter.Ended()
}

func (p *Pending) fail(err error) {
	p.Err = err
	p.Waiter.Ended()
}

// Submit queues a command and returns at once. After an error, one of Execute's, it has no place,
// and its Waiter is not told.
func (j *Journal) Submit(p *Pending) error {
	c := &p.Command
	if err := c.check(); err != nil {
		return err
	}
	switch {
	case c.DryRun != nil:
		p.exclusive = func(l *lane) { l.rehearse(p) }
	case c.Reverses != 0:
		p.exclusive = func(l *lane) { l.reverse(p) }
	}
	return j.enqueue(c.Account, p)
}

// GiveUp ends the wait for a command that was submitted, and returns the error to answer. A command
// in the queue is taken out: the error is ErrOverloaded, and the Waiter is not told. Of any other
// the outcome is unknown, and the Waiter may have been told, or may be told later.
func (j *Journal) GiveUp(p *Pending) error {
	switch {
	case p.claim():
		j.shards[j.shardOf(p.lane)].drop(p.lane, p)
		return fmt.Errorf("%w: the deadline came while the command waited", ErrOverloaded)
	case p.Command.DryRun != nil:
		return fmt.Errorf("%w: the deadline came during a dry run", ErrUnavailable)
	}
	return ErrOutcomeUnknown
}

// signal is the Waiter of a goroutine that waits for one command.
type signal chan struct{}

// Ended wakes the goroutine.
func (s signal) Ended() { s <- struct{}{} }

// newPending returns a command that one goroutine waits for, with wait.
func (j *Journal) newPending(c Command) *Pending {
	s, ok := j.signals.Get().(signal)
	if !ok {
		s = make(signal, 1)
	}
	return &Pending{Command: c, Waiter: s}
}

// wait waits for the result of p, which is in a queue or further.
func (j *Journal) wait(ctx context.Context, p *Pending) (Receipt, error) {
	ended := p.Waiter.(signal)
	select {
	case <-ended:
		j.signals.Put(ended) // a signal that may still be given is not kept
		return p.Receipt, p.Err
	case <-ctx.Done():
	}
	err := j.GiveUp(p)
	select {
	case <-ended:
		return p.Receipt, p.Err
	default:
		return Receipt{}, err
	}
}
