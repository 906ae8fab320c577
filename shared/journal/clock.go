package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal/clockwatch"
)

// moment is the time of a lane's decision, and whether anything may be committed at it.
type moment struct {
	// fresh says that the account was read just now.
	fresh bool
	// now is the decision's time: this machine's clock, or the account's last entry where that is
	// later. clock is this machine's.
	now, clock time.Time
	// ahead is how far the account's last entry is ahead of the clock, 0 up to MaxSkew.
	ahead time.Duration
	// refusal is why nothing may be committed now. A repeated key still gets its first answer.
	refusal error
}

// moment returns the time of the next decision. An account's entries never go back in time: after
// an entry that was committed under a clock that was ahead, the account keeps that entry's time
// until the clock has reached it.
func (l *lane) moment() moment {
	m := moment{clock: l.journal.config.Now().UTC().Truncate(time.Microsecond)}
	m.now = m.clock
	if m.now.Before(l.state.RecordedAt) {
		m.now = l.state.RecordedAt
	}
	switch skew, ahead := l.journal.config.Table.Skew(), m.now.Sub(m.clock); {
	case skew > MaxSkew || skew < -MaxSkew:
		m.refusal = fmt.Errorf("%w: this machine's clock is %v off the table's", ErrClockSkew, skew)
	case ahead > MaxSkew:
		m.ahead = ahead
	}
	if m.refusal == nil && l.journal.config.Room != nil {
		m.refusal = l.journal.config.Room()
	}
	return m
}

// noteAhead notes an account that is ahead of the clock.
func (l *lane) noteAhead(m moment) {
	switch {
	case m.ahead == 0, errors.Is(m.refusal, ErrUnavailable):
	case errors.Is(m.refusal, ErrClockSkew):
		l.journal.ahead.Refused(l.account, m.ahead)
	default:
		l.journal.ahead.Ahead(l.account, m.ahead)
	}
}

// accepted returns nil where a person has accepted that the account's time is more than MaxAhead
// ahead of the clock, else the refusal.
func (l *lane) accepted(ahead time.Duration) error {
	ctx, cancel := context.WithTimeout(l.journal.ctx, readDeadline)
	defer cancel()
	until, _, err := clockwatch.AcceptedTime(ctx, l.journal.config.Table, l.account)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case until.Before(l.state.RecordedAt):
		return fmt.Errorf("%w: the account's last entry is %v ahead of this machine's clock", ErrClockSkew, ahead)
	}
	return nil
}

// AcceptTime lets an account take commands although its last entry is further ahead of the clocks
// than MaxAhead: the account keeps that entry's time until the clocks have reached it. It returns
// that time, and ErrNoEvent for an account that does not exist.
func (r *Reader) AcceptTime(ctx context.Context, a event.Account) (time.Time, error) {
	head, err := r.Head(ctx, a)
	if err != nil {
		return time.Time{}, fmt.Errorf("accept the time of %s: %w", a, err)
	}
	if head.State.Version == 0 {
		return time.Time{}, fmt.Errorf("accept the time of %s: %w", a, ErrNoEvent)
	}
	at := head.State.RecordedAt
	return at, clockwatch.Accept(ctx, r.table, a, at)
}

// Clock returns an error that names an account found ahead of this machine's clock within the last
// minute, and the remedy; nil when there was none.
func (j *Journal) Clock() error { return j.ahead.Err() }
