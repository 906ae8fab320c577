package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"passbook/shared/account"
	"passbook/shared/api/lines"
	"passbook/shared/backoff"
	"passbook/shared/journal"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

// The pauses of a line whose command found the journal's queues full.
const retryFirst, retryMost = 5 * time.Millisecond, time.Second

// start decodes a line and submits its command to the journal, which keeps the order of each
// account and commits together what waits together. A line that has to wait for one before it, or
// that needs more than the journal, has a goroutine.
func (b *bulkRequest) start(ctx context.Context, s *slot, text []byte) {
	s.begun = time.Now()
	work := b.decode(text)
	s.op = work.op
	if len(work.runs) == 0 {
		b.countsOf(work.op).count(time.Since(s.begun), b.code(commandResult{err: work.problem}), work.problem)
		s.refuse(work.problem)
		return
	}
	run := &work.runs[0]
	own, other := b.follow(run.call.AccountID, s), (*slot)(nil)
	if run.call.Also != "" && run.call.Also != run.call.AccountID {
		other = b.follow(run.call.Also, s)
	}
	if !work.plain() || b.elsewhere(run.to) || !own.hasPlace() || !b.submit(ctx, s, run) {
		b.startAlone(ctx, s, work, own, other)
	}
}

// follow returns the newest line of an account that was not taken from the window, nil for none,
// and notes that s is the newest now.
func (b *bulkRequest) follow(id string, s *slot) (before *slot) {
	if n, ok := b.newest[id]; ok {
		before = b.window.At(n)
	}
	b.newest[id] = s.n
	if len(b.newest) > 4*lines.Most {
		maps.DeleteFunc(b.newest, func(_ string, n uint64) bool { return b.window.At(n) == nil })
	}
	return before
}

// elsewhere reports whether a command goes to another writer now. A dry run is decided here, where
// what the lines before would have made is in memory.
func (b *bulkRequest) elsewhere(to journal.Command) bool {
	by := b.server.config.Forwarder
	return by != nil && to.DryRun == nil && by.Elsewhere(to.Account)
}

// submit gives a line its place in the queue of its account. It returns false where that is full.
func (b *bulkRequest) submit(ctx context.Context, s *slot, run *lineRun) bool {
	_, s.span = b.span.Command(ctx, s.op)
	s.call, s.Command, s.Waiter, s.submitted = run.call, run.to, s, true
	s.Command.Decide, s.Command.Cause = run.call.Decide, s.span
	if s.span == nil {
		s.Command.Cause = b.span
	}
	switch err := run.call.Journal.Submit(&s.Pending); {
	case errors.Is(err, journal.ErrOverloaded):
		s.span.EndCommand(web.Overloaded.Code, web.Overloaded.Status)
		s.submitted = false
		return false
	case err != nil:
		s.Err = err
		s.Ended()
	case s.state.CompareAndSwap(lineBegun, lineSubmitted):
		b.window.Change(s.n) // it can be given up now
	}
	return true
}

// startAlone runs a line on a goroutine, when the lines before it on its accounts have their
// places. A command that reads its account's history begins when they have ended: it would not find
// what is only queued.
func (b *bulkRequest) startAlone(ctx context.Context, s *slot, work lineWork, before ...*slot) {
	s.placed = make(chan struct{})
	work.runs = slices.Clone(work.runs) // the reader decodes further lines
	for _, e := range before {
		if e == nil {
			continue
		}
		if !e.hasPlace() {
			work.places = append(work.places, e.placed)
		}
		if ended := b.window.WhenTaken(e.n); ended != nil {
			work.ends = append(work.ends, ended)
		}
	}
	go b.run(ctx, s, work)
}

// run executes a line. Only the last run gives the line its place: with that of an earlier run, the
// lines after it could overtake the last one.
func (b *bulkRequest) run(ctx context.Context, s *slot, work lineWork) {
	if work.runs[0].reads {
		await(work.ends)
	}
	await(work.places)
	begun := time.Now()
	ctx, span := trace.From(ctx).Command(ctx, work.op)
	for i, r := range work.runs {
		last := i == len(work.runs)-1
		if last {
			r.to.Queued = s.markPlaced
		}
		s.did = b.execute(ctx, s, r, work.ends)
		if code := s.did.code(); code != TransactionNotFound.Code && (last || code != account.CodeKeyReused) {
			break
		}
		if last && work.problem != nil {
			// The transaction is of the service that could not decode the line.
			s.did = commandResult{err: work.problem}
		}
	}
	b.countsOf(work.op).count(time.Since(begun), b.code(s.did), s.did.err)
	span.EndCommand(b.code(s.did), s.did.status())
	s.markPlaced()
	s.end(lineBegun)
}

// await waits until all are closed.
func await(all []<-chan struct{}) {
	for _, c := range all {
		<-c
	}
}

// execute executes a line's command. It waits and tries again while the journal's queues are full.
// A line for another writer is sent when the lines before it have ended, since they may have been
// queued here, and has its place when it is answered.
func (b *bulkRequest) execute(ctx context.Context, s *slot, r lineRun, before []<-chan struct{}) commandResult {
	var by Forwarder
	if b.elsewhere(r.to) {
		by = b.server.config.Forwarder
		await(before)
	}
	pause := backoff.Backoff{First: retryFirst, Most: retryMost}
	for {
		limited, cancel := context.WithTimeout(ctx, b.server.Timeout())
		did := executeAtOwner(limited, by, r.to,
			func() Forwarded { return r.forwarded },
			func() (journal.Receipt, error) { return r.call.execute(limited, r.to) })
		cancel()
		overloaded := errors.Is(did.err, journal.ErrOverloaded) || did.code() == web.Overloaded.Code
		if !overloaded || isClosed(s.placed) || pause.Pause(ctx) != nil {
			return did
		}
	}
}
