package journal

import (
	"errors"

	"passbook/shared/event"
)

// The errors of Execute and Transfer. Each says whether the command may have happened: only after
// ErrOutcomeUnknown it may.
var (
	// ErrContention: other writers were first in every one of a bounded number of attempts; nothing
	// was stored.
	ErrContention = errors.New("journal: write contention")
	// ErrOutcomeUnknown: the deadline came before the answer. The same key gets the outcome.
	ErrOutcomeUnknown = errors.New("journal: outcome unknown")
	// ErrUnavailable: the table could not be read or written; nothing was stored.
	ErrUnavailable = errors.New("journal: unavailable")
	// ErrClockSkew: this machine's clock is more than MaxAhead behind the account's last entry, or
	// more than MaxSkew off the table's; nothing was stored.
	ErrClockSkew = errors.New("journal: clock skew")
	// ErrStorageFull: the disk of the journal has too little room; nothing was stored.
	ErrStorageFull = errors.New("journal: storage full")
	// ErrOverloaded: a queue is full; nothing was stored.
	ErrOverloaded = errors.New("journal: overloaded")
	// ErrRateLimited: the account had MaxDeclines declines within a minute; nothing was stored.
	ErrRateLimited = errors.New("journal: too many declines")
	// ErrShuttingDown: the journal accepts no more commands; nothing was stored.
	ErrShuttingDown = errors.New("journal: shutting down")
)

// ErrNoEvent: the version is beyond the account's head, or the account does not exist.
var ErrNoEvent = errors.New("journal: no such version")

// ErrDamaged: a row of the journal is not one that a journal writes.
var ErrDamaged = event.ErrDamaged
