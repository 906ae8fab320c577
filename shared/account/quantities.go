package account

import (
	"math/bits"
	"time"

	"passbook/shared/money"
)

// The values of State.Status; it is empty for an account that does not exist.
const (
	StatusOpen   = "open"
	StatusClosed = "closed"
)

// MaxHolds is the most open holds of an account. It keeps a state within MaxStateBytes.
const MaxHolds = 500

// Available returns what one withdrawal or hold may take: posted − held + limit, in minor units,
// and no more than money.Max, the largest amount. It is negative after a limit cut.
func (s State) Available() int64 { return min(s.Posted-s.Held+s.Limit, money.Max) }

// AvailableOwn returns what is available without the line of credit: posted − held.
func (s State) AvailableOwn() int64 { return s.Posted - s.Held }

// Drawn returns the part of the line of credit that the posted balance uses.
func (s State) Drawn() int64 { return max(0, -s.Posted) }

// Reserved returns the part of the line of credit that holds reserve.
func (s State) Reserved() int64 { return max(0, s.Held-max(0, s.Posted)) }

// AvailableCredit returns the part of the line of credit that is left: between 0 and the limit.
func (s State) AvailableCredit() int64 { return min(max(s.Available(), 0), s.Limit) }

// OverLimit returns by how much the use of the line exceeds it. Always drawn + reserved + available
// credit = limit + over limit.
func (s State) OverLimit() int64 { return max(0, -s.Available()) }

// UtilisationBps returns the used part of the line, drawn and reserved, in hundredths of a percent
// of the limit, rounded down and never more than money.Max. ok is false at limit 0.
func (s State) UtilisationBps() (bps int64, ok bool) {
	if s.Limit <= 0 {
		return 0, false
	}
	high, low := bits.Mul64(uint64(s.Drawn()+s.Reserved()), 10_000)
	if high >= uint64(s.Limit) {
		return money.Max, true
	}
	quotient, _ := bits.Div64(high, low, uint64(s.Limit))
	return int64(min(quotient, money.Max)), true
}

// Hold returns the open hold that the event of that version placed.
func (s State) Hold(version int64) (Hold, bool) {
	if i := s.hold(version); i >= 0 {
		return s.Holds[i], true
	}
	return Hold{}, false
}

func (s State) hold(version int64) int {
	for i := range s.Holds {
		if s.Holds[i].Version == version {
			return i
		}
	}
	return -1
}

// HoldsDue returns the open holds that have expired by t, by rising version.
func (s State) HoldsDue(t time.Time) []Hold {
	var due []Hold
	for _, h := range s.Holds {
		if expired(h.ExpiresAt, t) {
			due = append(due, h)
		}
	}
	return due
}

// LimitDue reports whether the limit has expired by t.
func (s State) LimitDue(t time.Time) bool { return expired(s.LimitExpiresAt, t) }

// NextDue returns when the next hold or the limit expires, and the zero time when none will.
func (s State) NextDue() time.Time {
	next := s.LimitExpiresAt
	for _, h := range s.Holds {
		if !h.ExpiresAt.IsZero() && (next.IsZero() || h.ExpiresAt.Before(next)) {
			next = h.ExpiresAt
		}
	}
	return next
}

func expired(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }
