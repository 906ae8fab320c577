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

// MaxHolds is the most open holds of an account: a state stays within 64 KB.
const MaxHolds = 500

// Available is what one withdrawal or hold may take: posted − held + limit, in minor units, and no
// more than money.Max, the greatest amount that one can have. It is negative after a limit cut.
func (s State) Available() int64 { return min(s.Posted-s.Held+s.Limit, money.Max) }

// AvailableOwn is what is available without the line of credit: posted − held.
func (s State) AvailableOwn() int64 { return s.Posted - s.Held }

// Drawn is what of the line is in use by what is posted.
func (s State) Drawn() int64 { return max(0, -s.Posted) }

// Reserved is what of the line is set aside by holds.
func (s State) Reserved() int64 { return max(0, s.Held-max(0, s.Posted)) }

// AvailableCredit is what of the line is left: between 0 and the limit.
func (s State) AvailableCredit() int64 { return min(max(s.Available(), 0), s.Limit) }

// OverLimit is by how much the use of the line exceeds it. Always drawn + reserved + available
// credit = limit + over limit.
func (s State) OverLimit() int64 { return max(0, -s.Available()) }

// UtilisationBps is the use of the line, drawn and reserved, in hundredths of a percent of the
// limit, rounded down. There is none at limit 0. It never exceeds money.Max, however small the
// limit is.
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

// Hold is the open hold that the event of that version placed.
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

// HoldsDue are the open holds that have expired at t, by rising version.
func (s State) HoldsDue(t time.Time) []Hold {
	var due []Hold
	for _, h := range s.Holds {
		if expired(h.ExpiresAt, t) {
			due = append(due, h)
		}
	}
	return due
}

// LimitDue says whether the limit has expired at t.
func (s State) LimitDue(t time.Time) bool { return expired(s.LimitExpiresAt, t) }

// NextDue is when the next hold or the limit expires, zero when nothing will.
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
