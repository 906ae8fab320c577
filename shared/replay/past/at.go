package past

import (
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// At is what is asked for: the state after everything recorded at or before Time, or the state
// after the event Version of each account and after the other events of its command. One of them is
// zero.
type At struct {
	Time    time.Time
	Version int64
}

// IsAfter reports whether an event lies after what is asked for.
func (at At) IsAfter(e *event.Entry, ev event.Event) bool {
	switch {
	case at.Version == 0:
		return e.RecordedAt.After(at.Time)
	case e.First <= at.Version && at.Version <= e.Last:
		return ev.Version > e.Settled(at.Version)
	}
	return ev.Version > at.Version
}

// NeedsEnd reports whether a state that no later event follows is an answer only if its account
// ends there.
func (at At) NeedsEnd(s account.State) bool { return at.Version == 0 || s.Version < at.Version }

// IfReached returns the zero state for an account that does not have the version asked for.
func (at At) IfReached(s account.State) account.State {
	if s.Version < at.Version {
		return account.State{}
	}
	return s
}
