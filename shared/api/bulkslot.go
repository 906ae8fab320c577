package api

import (
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/journal"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

// The states of a line: a line that was submitted is ended by the journal, or given up.
const (
	lineBegun int32 = iota
	lineSubmitted
	lineEnding
	lineEnded
)

// slot is one line.
type slot struct {
	request *bulkRequest
	number  int    // of the line in the body
	n       uint64 // in the window
	entered bool   // the gate
	op      string
	begun   time.Time
	state   atomic.Int32
	// did is how the line ended, unless the journal ended it.
	did commandResult

	// Of a line that was submitted: its command, and how long it took, in nanoseconds.
	submitted, givenUp bool
	journal.Pending
	call Call
	span *trace.Span
	took atomic.Int64

	// placed is closed when a line that has a goroutine has its place in the queues of its
	// accounts. It is nil for other lines: they have it from the start, or failed and need none.
	placed chan struct{}
	once   sync.Once
}

// hasPlace reports whether the line before, if there is one, has its place.
func (s *slot) hasPlace() bool { return s == nil || s.placed == nil || isClosed(s.placed) }

// markPlaced closes placed.
func (s *slot) markPlaced() { s.once.Do(func() { close(s.placed) }) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Ended ends a line that was submitted: its command has an outcome.
func (s *slot) Ended() {
	s.took.Store(int64(time.Since(s.begun)))
	// it may become submitted just now, or be given up
	_ = s.end(lineBegun) || s.end(lineSubmitted)
}

// end ends a line that is in a state, and reports whether it was.
func (s *slot) end(was int32) bool {
	if !s.state.CompareAndSwap(was, lineEnding) {
		return false
	}
	if s.entered {
		s.request.server.Commands().LeavePatiently(s.request.who)
	}
	s.state.Store(lineEnded)
	s.request.window.Change(s.n)
	return true
}

// refuse ends a line from which no command was decoded.
func (s *slot) refuse(problem *web.Problem) {
	s.did.err = problem
	s.end(lineBegun)
}

// giveUp ends a line that was submitted and whose time is over, unless it ends just now.
func (s *slot) giveUp() {
	if s.state.Load() == lineSubmitted {
		s.did.err = s.call.Journal.GiveUp(&s.Pending)
		s.took.Store(int64(time.Since(s.begun)))
		s.givenUp = s.end(lineSubmitted)
	}
}
