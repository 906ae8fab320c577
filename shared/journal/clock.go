package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// moment is what a lane decides at.
type moment struct {
	// fresh: the account was read just now.
	fresh bool
	// now is the decision's time: this machine's clock, or the account's last entry where that is
	// later. clock is this machine's.
	now, clock time.Time
	// barred is why nothing may be committed now; keys that were answered are answered all the
	// same.
	barred error
}

// moment gives the time, and whether anything may be committed at it. An account's entries never go
// back in time: after one that was committed under a clock that was ahead, the account's time
// stands until the clock has come up to it.
func (l *lane) moment() moment {
	m := moment{clock: l.journal.now().UTC().Truncate(time.Microsecond)}
	m.now = m.clock
	if m.now.Before(l.state.RecordedAt) {
		m.now = l.state.RecordedAt
	}
	switch skew, ahead := l.journal.table.Skew(), m.now.Sub(m.clock); {
	case skew > MaxSkew || skew < -MaxSkew:
		m.barred = fmt.Errorf("%w: this machine's clock is %v off the table's", ErrClockSkew, skew)
	case ahead > MaxAhead:
		m.barred = l.accepted(ahead)
	case ahead > MaxSkew:
		l.journal.ahead.stood(l.account, ahead)
	}
	if m.barred == nil && l.journal.room != nil {
		m.barred = l.journal.room()
	}
	return m
}

// accepted asks whether a person accepted that the account's time stands for longer than MaxAhead.
func (l *lane) accepted(ahead time.Duration) error {
	ctx, cancel := context.WithTimeout(l.journal.ctx, readDeadline)
	defer cancel()
	until, _, err := acceptedTime(ctx, l.journal.table, l.account)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case until.Before(l.state.RecordedAt):
		l.journal.ahead.refused(l.account, ahead)
		return fmt.Errorf("%w: the account's last entry is %v ahead of this machine's clock", ErrClockSkew, ahead)
	}
	l.journal.ahead.stood(l.account, ahead)
	return nil
}

// acceptedTime returns up to which time an account's was accepted, the zero time if none was, and
// the version of the row that says so.
func acceptedTime(ctx context.Context, t table.Table, a event.Account) (time.Time, table.Value, error) {
	rows := control.AcceptedTimes(t)
	row, err := rows.Get(ctx, control.AcceptedTimeKey(a.String()))
	if errors.Is(err, table.ErrNotFound) {
		return time.Time{}, nil, nil
	}
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("read the accepted time of %s: %w", a.ID, err)
	}
	r := table.NewReader(row.Attrs)
	until := r.Time("until")
	if r.Bad() != "" {
		return time.Time{}, nil, fmt.Errorf("%w: accepted time of %s", ErrDamaged, a.ID)
	}
	return until, rows.Version(row), nil
}

// AcceptTime lets an account go on although its last entry is further ahead of the clocks than
// MaxAhead: its time stands at that entry until the clocks have come up to it. It returns that
// time, and ErrNoEvent for an account that does not exist.
func (r *Reader) AcceptTime(ctx context.Context, a event.Account) (time.Time, error) {
	head, err := r.Head(ctx, a)
	if err != nil {
		return time.Time{}, fmt.Errorf("accept the time of %s: %w", a.ID, err)
	}
	if head.State.Version == 0 {
		return time.Time{}, fmt.Errorf("accept the time of %s: %w", a.ID, ErrNoEvent)
	}
	at := head.State.RecordedAt
	until, was, err := acceptedTime(ctx, r.table, a)
	if err != nil || !until.Before(at) {
		return at, err
	}
	rows, attrs := control.AcceptedTimes(r.table), table.Map{"until": table.Time(at)}
	if err := rows.Put(ctx, control.AcceptedTimeKey(a.String()), attrs, was); err != nil {
		return at, fmt.Errorf("accept the time of %s: %w", a.ID, err)
	}
	return at, nil
}

// aheadFor is how long Clock tells of an account that was ahead.
const aheadFor = time.Minute

// ahead is what the journal saw of accounts that are ahead of this machine's clock.
type ahead struct {
	metrics *metrics
	log     *slog.Logger
	mu      sync.Mutex
	last    sighting
	most    sighting // the furthest
}

// sighting is one account found ahead.
type sighting struct {
	account event.Account
	by      time.Duration
	at      time.Time // of this process
	barred  bool
}

func (s sighting) over() bool { return s.at.IsZero() || time.Since(s.at) > aheadFor }

func (a *ahead) stood(account event.Account, by time.Duration) {
	a.metrics.stood.Inc()
	a.note(sighting{account, by, time.Now(), false})
}

func (a *ahead) refused(account event.Account, by time.Duration) {
	a.metrics.refused.Inc()
	a.note(sighting{account, by, time.Now(), true})
}

// note remembers a sighting and logs it: the account is in the error, so that many accounts are one
// trouble. One that was refused is worth more than one that was not.
func (a *ahead) note(s sighting) {
	a.log.Warn("an account is ahead of this machine's clock", "error", s)
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.barred || !a.last.barred || a.last.over() {
		a.last = s
	}
	// before it is over, so that the gauge does not fall in between
	if s.by > a.most.by || time.Since(a.most.at) > aheadFor/2 {
		a.most = s
	}
}

// furthest is how many seconds ahead the furthest account of the last minute was.
func (a *ahead) furthest() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.most.over() {
		return 0
	}
	return a.most.by.Seconds()
}

// Error says what was found, and what to do: the clock is wrong, or was.
func (s sighting) Error() string {
	id, by := s.account.ID, s.by.Round(time.Second)
	if s.barred {
		return fmt.Sprintf("account %s is %v ahead of this machine's clock and takes no commands: set the clock, or: bank clock accept %s", id, by, id)
	}
	return fmt.Sprintf("account %s is %v ahead of this machine's clock; its time stands until then: set the clock if it is behind", id, by)
}

// Clock says which account was found ahead of this machine's clock within the last minute, and what
// to do; nil when none was.
func (j *Journal) Clock() error {
	a := &j.ahead
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last.over() {
		return nil
	}
	return a.last
}
