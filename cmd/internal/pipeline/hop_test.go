package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"passbook/shared/affinity"
	"passbook/shared/api"
	"passbook/shared/journal"
	journalwriter "passbook/shared/writer"
)

// hopTrip is how far writers are from one another: nearer than AWS's services.
const hopTrip = time.Millisecond

// hops is what a test does to the way between writers.
type hops struct {
	// view, if set, is what this writer knows of the fleet, instead of what its journal knows.
	view func() (string, []journalwriter.Peer)
	// lose, if set, says whether the answer to a command is lost, after it was decided.
	lose func(c journal.Command) bool
	// asked counts the hops, and took is what they and their decisions took.
	asked, took atomic.Int64
}

var errAnswerLost = errors.New("the answer was lost")

// address gives a writer an address under which others reach it.
func (b *bank) address(w *writer) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reach == nil {
		b.reach = make(map[string]*writer)
	}
	w.bank = b
	address := fmt.Sprintf("10.0.0.%d:8090", len(b.reach)+1)
	b.reach[address] = w
	return address
}

func (w *writer) fleet() (string, []journalwriter.Peer) {
	if w.hops.view != nil {
		return w.hops.view()
	}
	return w.Fleet()
}

// anywhere has the writer of the account decide a command, as the edge does.
func (w *writer) anywhere(ctx context.Context, c journal.Command) (r journal.Receipt, err error) {
	if w.router == nil {
		return w.Execute(ctx, c)
	}
	began := time.Now()
	outcome := w.router.Reach(ctx, c.Account, func(ctx context.Context, to journalwriter.Peer) error {
		r, err = w.hop(ctx, to, c)
		return err
	})
	if outcome == api.Answered {
		w.hops.asked.Add(1)
		w.hops.took.Add(int64(time.Since(began)))
		return r, nil
	}
	r, err = w.Execute(ctx, c)
	if outcome == api.Lost && (err != nil || r.Entry == nil) {
		err = journal.ErrOutcomeUnknown
	}
	return r, err
}

// hop takes a command to another writer and its answer back. A writer that is cut off does not
// answer, but may still decide what was sent to it.
func (w *writer) hop(ctx context.Context, to journalwriter.Peer, c journal.Command) (r journal.Receipt, err error) {
	w.bank.mu.Lock()
	other := w.bank.reach[to.Address]
	w.bank.mu.Unlock()
	<-time.After(hopTrip / 2)
	if other.dead.Load() {
		<-ctx.Done()
		return r, ctx.Err()
	}
	r, err = other.Execute(ctx, c)
	switch {
	case errors.Is(err, journal.ErrUnavailable), errors.Is(err, journal.ErrShuttingDown), errors.Is(err, journal.ErrClockSkew):
		return r, fmt.Errorf("%w: %w", affinity.ErrUndone, err)
	case err != nil:
		return r, err
	case w.hops.lose != nil && w.hops.lose(c):
		return r, errAnswerLost
	}
	<-time.After(hopTrip / 2)
	return r, nil
}
