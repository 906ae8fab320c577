package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"passbook/shared/account"
	"passbook/shared/admission"
	"passbook/shared/backoff"
	"passbook/shared/journal"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

// The pauses of a line whose command found the journal's queues full.
const (
	retryFirst = 5 * time.Millisecond
	retryMost  = time.Second
)

// slot is one line.
type slot struct {
	number int
	// queued is closed when the line's command has its place in the queue of its account, done when
	// result is set.
	queued, done chan struct{}
	once         sync.Once
	result       []byte
	// gate is the gate that the line leaves when it is done; nil if it entered none.
	gate *admission.Gate
	who  admission.Caller
}

func newSlot(number int) *slot {
	return &slot{number: number, queued: make(chan struct{}), done: make(chan struct{})}
}

// markQueued closes queued.
func (s *slot) markQueued() { s.once.Do(func() { close(s.queued) }) }

// end closes done, and queued.
func (s *slot) end() {
	s.markQueued()
	if s.gate != nil {
		s.gate.LeavePatiently(s.who)
	}
	close(s.done)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// start decodes a line and hands its command to the journal after the earlier lines of its
// accounts. The journal keeps their order and commits together what waits together. A command that
// reads its account's history waits until the earlier lines are done.
func (b *bulkRequest) start(ctx context.Context, s *slot, text []byte) {
	work := b.decode(text)
	if len(work.runs) == 0 {
		b.countsOf(work.op).count(time.Now(), b.code(commandResult{err: work.problem}), work.problem)
		s.refuse(work.problem, b.correlationID)
		return
	}
	var before []<-chan struct{}
	for _, id := range work.runs[0].accounts() {
		earlier := b.inProgress(id)
		work.earlier = append(work.earlier, earlier...)
		if work.runs[0].reads {
			for _, e := range earlier {
				before = append(before, e.done)
			}
		} else if len(earlier) > 0 { // when the last one has its place, those before it have theirs
			before = append(before, earlier[len(earlier)-1].queued)
		}
		b.open[id] = append(earlier, s)
	}
	if len(b.open) > 4*bulkWindow {
		b.forget()
	}
	go func() {
		for _, reached := range before {
			<-reached
		}
		b.run(ctx, s, work)
	}()
}

// inProgress returns the lines of an account from the first one that is not done.
func (b *bulkRequest) inProgress(id string) []*slot {
	open := b.open[id]
	for len(open) > 0 && isClosed(open[0].done) {
		open[0] = nil
		open = open[1:]
	}
	return open
}

// forget removes the accounts whose lines are done.
func (b *bulkRequest) forget() {
	for id := range b.open {
		if b.open[id] = b.inProgress(id); len(b.open[id]) == 0 {
			delete(b.open, id)
		}
	}
}

// run executes a line and sets the slot's result. Only the last run gives the line its place: with
// that of an earlier run, the lines after it could overtake the last one.
func (b *bulkRequest) run(ctx context.Context, s *slot, work lineWork) {
	defer s.end()
	begun := time.Now()
	ctx, span := trace.From(ctx).Command(ctx, work.op)
	var did commandResult
	for i, r := range work.runs {
		last := i == len(work.runs)-1
		if last {
			r.to.Queued = s.markQueued
		}
		did = b.execute(ctx, s, r, work.earlier)
		if code := did.code(); code != TransactionNotFound.Code && (last || code != account.CodeKeyReused) {
			break
		}
		if last && work.problem != nil {
			// The transaction is of the service that could not decode the line.
			did = commandResult{err: work.problem}
		}
	}
	b.countsOf(work.op).count(begun, b.code(did), did.err)
	span.EndCommand(b.code(did), did.status())
	s.result = b.result(s.number, did)
}

// execute executes a line's command. It waits and tries again while the journal's queues are full.
// A line for another writer is sent when the lines before it are done, since they may have been
// queued here, and has its place when it is answered. A dry run is decided here, where what the
// lines before would have made is in memory.
func (b *bulkRequest) execute(ctx context.Context, s *slot, r lineRun, earlier []*slot) commandResult {
	by := b.server.config.Forwarder
	if by != nil && b.dry == nil && by.Elsewhere(r.to.Account) {
		for _, e := range earlier {
			<-e.done
		}
	} else {
		by = nil
	}
	pause := backoff.Backoff{First: retryFirst, Most: retryMost}
	for {
		limited, cancel := context.WithTimeout(ctx, b.server.Timeout())
		did := executeAtOwner(limited, by, r.to,
			func() Forwarded { return r.forwarded },
			func() (journal.Receipt, error) { return r.call.execute(limited, r.to) })
		cancel()
		overloaded := errors.Is(did.err, journal.ErrOverloaded) || did.code() == web.Overloaded.Code
		if !overloaded || isClosed(s.queued) || pause.Pause(ctx) != nil {
			return did
		}
	}
}
