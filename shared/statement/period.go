package statement

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// asked is the period that a request names by instants or by versions, of which each may be absent.
type asked struct {
	// from is the first instant of the period, to the first after it.
	from, to time.Time
	// first and last are the first and the last version of the period.
	first, last int64
}

// takePeriod takes the period of a request.
func takePeriod(q *web.Query) asked {
	a := asked{from: q.Time("from"), to: q.Time("to"), first: q.Version("from_version"), last: q.Version("to_version")}
	if !a.from.IsZero() && !a.to.IsZero() && a.to.Before(a.from) {
		q.FailForm("to", account.FieldOutOfRange, "an instant that is not before from")
	}
	if a.first > 0 && a.last > 0 && a.last < a.first {
		q.FailForm("to_version", account.FieldOutOfRange, "a version that is not below from_version")
	}
	if !a.from.IsZero() && a.first > 0 {
		q.FailForm("from_version", web.FieldNotTogether, "one of from and from_version")
	}
	if !a.to.IsZero() && a.last > 0 {
		q.FailForm("to_version", web.FieldNotTogether, "one of to and to_version")
	}
	return a
}

// scope names the period among those of an account, for cursors.
func (a asked) scope() string {
	return fmt.Sprintf("%s|%s|%d|%d", a.from.Format(time.RFC3339Nano), a.to.Format(time.RFC3339Nano), a.first, a.last)
}

// period is the part of an account's history that a statement covers. It is found once, so that all
// of a statement is of one period even when commands are committed in the meantime.
type period struct {
	// next is the version that the reading starts at, opening and closing the versions before and
	// at the end of the period.
	next, opening, closing int64
}

// find returns the versions of a period in the history of an account, whose newest version is head:
// those of from ≤ recorded_at < to. Times are whole microseconds, so the last instant before one is
// a microsecond before it.
func (a asked) find(ctx context.Context, r *journal.Reader, of event.Account, head int64) (p period, err error) {
	if max(a.first, a.last) > head {
		return p, web.Refuse(api.VersionNotFound).Of(of.ID, head)
	}
	p.closing = head
	switch {
	case a.last > 0:
		p.closing = a.last
	case !a.to.IsZero():
		if p.closing, err = r.VersionAt(ctx, of, a.to.Add(-time.Microsecond)); err != nil {
			return p, api.Unavailable(err)
		}
	}
	switch {
	case a.first > 0:
		p.opening = a.first - 1
	case !a.from.IsZero():
		if p.opening, err = r.VersionAt(ctx, of, a.from.Add(-time.Microsecond)); err != nil {
			return p, api.Unavailable(err)
		}
	}
	p.closing = max(p.closing, p.opening) // from is after the last version of an instant or version to
	p.next = p.opening + 1
	return p, nil
}

// posted returns the balance after a version, and when it was recorded; nothing before the account
// was opened.
func posted(ctx context.Context, r *journal.Reader, of event.Account, version int64) (Posted, time.Time, error) {
	if version == 0 {
		return Posted{}, time.Time{}, nil
	}
	ev, entry, err := r.Event(ctx, of, version)
	if err != nil {
		return Posted{}, time.Time{}, api.Unavailable(err)
	}
	return Posted{Posted: ev.After.Posted, Version: version}, entry.RecordedAt, nil
}
