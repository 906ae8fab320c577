package api

import (
	"context"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// scanPage is the most events that are read for one page: a page of a rare type may be short
// without being the last.
const scanPage = 10_000

// Recorded is an event with its entry.
type Recorded struct {
	event.Event
	Entry *event.Entry
}

// History reads a page of an account's events in version order: up to limit of those from..to (0:
// the head) that are wanted. next is the version at which the next page starts, 0 at the end.
func History(ctx context.Context, r *journal.Reader, a event.Account, from, to int64, limit int, wanted func(event.Event) bool) (page []Recorded, next int64, err error) {
	scanned := 0
	for entry, err := range r.Entries(ctx, a, from, to) {
		if err != nil {
			return nil, 0, Unavailable(err)
		}
		for _, ev := range entry.Events {
			if ev.Version < from || to != 0 && ev.Version > to {
				continue
			}
			if scanned++; scanned > scanPage {
				return page, ev.Version, nil
			}
			if !wanted(ev) {
				continue
			}
			if len(page) == limit {
				return page, ev.Version, nil
			}
			page = append(page, Recorded{ev, entry})
		}
	}
	return page, 0, nil
}

// ExistingHead returns an account's head, or AccountNotFound.
func ExistingHead(ctx context.Context, r *journal.Reader, a event.Account) (journal.Head, error) {
	head, err := r.Head(ctx, a)
	if err != nil {
		return head, Unavailable(err)
	}
	if head.State.Version == 0 {
		return head, web.Refuse(AccountNotFound).Of(a.ID, 0)
	}
	return head, nil
}

// Moment is the point in an account's history that a read asks for.
type Moment struct {
	// At and Version name a moment of the past; both are zero for the present.
	At      time.Time
	Version int64
	// MinVersion is the lowest acceptable version of the present, and Wait the longest wait for it.
	MinVersion int64
	Wait       time.Duration
}

// takeMoment takes at, version, min_version and wait, of which only the last two go together.
func takeMoment(q *web.Query) Moment {
	m := Moment{At: q.Time("at"), Version: q.Version("version"), MinVersion: q.Version("min_version"), Wait: q.Wait("wait")}
	switch {
	case m.Version > 0 && !m.At.IsZero():
		q.FailForm("version", web.FieldNotTogether, "one of at and version")
	case m.MinVersion > 0 && (m.Version > 0 || !m.At.IsZero()):
		q.FailForm("min_version", web.FieldNotTogether, "min_version without at and version")
	case m.Wait > 0 && m.MinVersion == 0:
		q.FailForm("wait", web.FieldNotTogether, "wait with min_version")
	}
	return m
}

// Past reports whether the moment is not the present.
func (m Moment) Past() bool { return m.Version > 0 || !m.At.IsZero() }

// Resolve returns the version of a past moment, at the end of a command. It refuses an instant in
// the future (AsOfOutOfRange), a version beyond the head (VersionNotFound), and an instant before
// the account was opened (AccountNotFound).
func (m Moment) Resolve(ctx context.Context, r *journal.Reader, a event.Account, now time.Time) (int64, error) {
	if m.At.After(now) {
		return 0, web.Refuse(AsOfOutOfRange)
	}
	head, err := ExistingHead(ctx, r, a)
	if err != nil {
		return 0, err
	}
	if m.Version > 0 {
		if m.Version > head.State.Version {
			return 0, web.Refuse(VersionNotFound).Of(a.ID, head.State.Version)
		}
		_, entry, err := r.Event(ctx, a, m.Version)
		if err != nil {
			return 0, Unavailable(err)
		}
		return entry.Settled(m.Version), nil
	}
	version, err := r.VersionAt(ctx, a, m.At)
	if err != nil {
		return 0, Unavailable(err)
	}
	if version == 0 {
		return 0, web.Refuse(AccountNotFound).Of(a.ID, 0)
	}
	return version, nil
}

// Page is the end of an answer that is a page of a list.
type Page struct {
	HasMore    bool   `json:"has_more"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// NextPage returns the end of a page, and sets the Link header; an empty cursor is the end of the
// list.
func NextPage(c echo.Context, cursor string) Page {
	if cursor == "" {
		return Page{}
	}
	values := c.QueryParams()
	values.Set("cursor", cursor)
	next := url.URL{Path: c.Request().URL.Path, RawQuery: values.Encode()}
	c.Response().Header().Set("Link", "<"+next.String()+`>; rel="next"`)
	return Page{HasMore: true, NextCursor: cursor}
}

// AccountAt returns the account that the path names and the moment that the query asks for.
func AccountAt(c echo.Context) (of event.Account, m Moment, err error) {
	if of, err = PathAccount(c); err != nil {
		return of, m, err
	}
	q := web.ParseQuery(c)
	m = takeMoment(q)
	return of, m, q.Problem()
}

// PathAccount returns the account of the principal's tenant that the path names.
func PathAccount(c echo.Context) (event.Account, error) {
	id := c.Param("account_id")
	if !account.ValidAccountID(id) {
		return event.Account{}, web.InvalidForm("account_id", account.FieldSyntax, account.FormID)
	}
	return event.Account{Tenant: access.From(c.Request().Context()).Tenant, ID: id}, nil
}
