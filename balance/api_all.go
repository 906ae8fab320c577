package balance

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/eventview"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/web"
)

// EventsOfAll is a page of the events of all accounts.
type EventsOfAll struct {
	Events []eventview.Event `json:"events"`
	// IndexedFrom is the time before which events may be missing from the list; absent where none
	// is.
	IndexedFrom api.Time `json:"indexed_from,omitzero"`
	api.Page
}

// HolderTotals is what the accounts of a holder have.
type HolderTotals struct {
	HolderRef string   `json:"holder_ref"`
	Totals    []Totals `json:"totals"`
	// AsOf is when the last event of the accounts was recorded; absent without an account.
	AsOf api.Time `json:"as_of,omitzero"`
}

// eventsOfAll lists the events of all accounts, newest first.
func (a *API) eventsOfAll(c echo.Context) error {
	q := web.ParseQuery(c)
	f := derived.Filter{
		Tenant: access.From(c.Request().Context()).Tenant, Types: eventTypes, Actor: q.String("actor", event.MaxActorBytes),
		CorrelationID: q.String("correlation_id", maxCorrelationBytes), Holder: q.String("holder", 64), From: q.Time("from"), To: q.Time("to"),
	}
	kind := q.OneOf("type", eventTypes...)
	if kind != "" {
		f.Types = []string{kind}
	}
	if f.Holder != "" && !account.ValidCode(f.Holder) {
		q.FailForm("holder", account.FieldSyntax, account.FormID)
	}
	if !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From) {
		q.FailForm("to", account.FieldOutOfRange, "an instant that is not before from")
	}
	scope := strings.Join([]string{
		"all-events", f.Tenant, kind, f.Actor, f.CorrelationID, f.Holder, f.From.Format(time.RFC3339Nano), f.To.Format(time.RFC3339Nano),
	}, "|")
	position, limit := q.Cursor(scope), q.Limit()
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	var complete time.Time
	if f.Holder == "" {
		var err error
		if complete, err = a.all.CompleteFrom(ctx); err != nil {
			return api.RowsUnavailable(err)
		}
	}
	page, next, err := a.pageOfAll(ctx, f, complete, position, limit)
	if err != nil {
		return err
	}
	if next != "" {
		next = web.EncodeCursor(scope, next)
	}
	list := EventsOfAll{Events: make([]eventview.Event, len(page)), Page: api.NextPage(c, next)}
	if f.Holder == "" {
		list.IndexedFrom = api.Time{Time: complete.UTC()}
	}
	for i, found := range page {
		list.Events[i] = eventview.OfAccount(found.Entry, found.Event)
	}
	a.nameActors(ctx, f.Tenant, list.Events)
	return web.ReplyJSON(c, http.StatusOK, list)
}

// maxCorrelationBytes bounds a correlation id.
const maxCorrelationBytes = 255

// holderTotals answers what the accounts of a holder have.
func (a *API) holderTotals(c echo.Context) error {
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	holder, ctx := c.Param("holder_ref"), c.Request().Context()
	if !account.ValidCode(holder) {
		return web.Invalid("holder_ref", account.FieldSyntax)
	}
	totals, asOf, err := a.store.HolderTotals(ctx, access.From(ctx).Tenant, holder)
	if err != nil {
		return api.RowsUnavailable(err)
	}
	if totals == nil {
		totals = []Totals{}
	}
	return web.ReplyJSON(c, http.StatusOK, HolderTotals{HolderRef: holder, Totals: totals, AsOf: api.Time{Time: asOf}})
}
