package journal

import "errors"

// The errors of Execute and Transfer. Each says whether the command may have happened; only
// ErrOutcomeUnknown may.
var (
	// ErrContention: other writers won every one of a bounded number of attempts; nothing was
	// stored.
	ErrContention = errors.New("journal: write contention")
	// ErrOutcomeUnknown: the deadline came before the answer; the same key tells how it ended.
	ErrOutcomeUnknown = errors.New("journal: outcome unknown")
	// ErrUnavailable: the table could not be read or written; nothing was stored.
	ErrUnavailable = errors.New("journal: unavailable")
	// ErrClockSkew: this machine's clock is more than MaxAhead behind the account's last entry, or
	// more than MaxSkew off the table's; nothing was stored.
	ErrClockSkew = errors.New("journal: clock skew")
	// ErrStorageFull: there is too little room where the journal is kept; nothing was stored.
	ErrStorageFull = errors.New("journal: storage full")
	// ErrOverloaded: a queue is full; nothing was stored.
	ErrOverloaded = errors.New("journal: overloaded")
	// ErrRateLimited: the account had MaxDeclines declines within a minute; nothing was stored.
	ErrRateLimited = errors.New("journal: too many declines")
	// ErrShuttingDown: the journal takes no more commands; nothing was stored.
	ErrShuttingDown = errors.New("journal: shutting down")
)

// ErrNoEvent: a version beyond the account's head, or an account that does not exist.
var ErrNoEvent = errors.New("journal: no such version")

// ErrDiffers: another entry is in the place that a restore wants to fill.
var ErrDiffers = errors.New("journal: another entry in place")

// ErrDamaged: a row of the journal is not what a journal writes.
var ErrDamaged = errors.New("journal: row is damaged")
