package balance

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/eventview"
	"passbook/shared/event"
	"passbook/shared/web"
)

// eventTypes are the values of the parameter type.
var eventTypes = []string{
	event.AccountOpened{}.Type(), event.MoneyCredited{}.Type(), event.MoneyWithdrawn{}.Type(), event.WithdrawalDeclined{}.Type(),
	event.HoldPlaced{}.Type(), event.HoldCaptured{}.Type(), event.HoldReleased{}.Type(), event.TransactionReversed{}.Type(),
	event.CreditLimitChanged{}.Type(), event.AccountFrozen{}.Type(), event.AccountUnfrozen{}.Type(), event.AccountClosed{}.Type(),
}

// events lists the account's history.
func (a *API) events(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	from, kind, limit := max(q.Version("from_version"), 1), q.OneOf("type", eventTypes...), q.Limit()
	scope := "events|" + of.String() + "|" + kind
	q.CursorNumbers(scope, &from)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.ExistingHead(ctx, a.journal, of)
	if err != nil {
		return err
	}
	var page []api.Recorded
	var next int64
	if kind == "" {
		page, next, err = api.History(ctx, a.journal, of, from, 0, limit, func(event.Event) bool { return true })
	} else {
		page, next, err = a.ofType(ctx, of, kind, from, head.State.Version, limit)
	}
	if err != nil {
		return err
	}
	list := EventList{AccountID: of.ID, Events: make([]eventview.Event, len(page)), Page: api.NextPage(c, cursorAt(scope, next))}
	for i, r := range page {
		list.Events[i] = eventview.Of(r.Entry, r.Event)
	}
	a.nameActors(ctx, of.Tenant, list.Events)
	return web.ReplyJSON(c, http.StatusOK, list)
}

// nameActors adds the names of the persons who caused events, for who may read names.
func (a *API) nameActors(ctx context.Context, tenant string, events []eventview.Event) {
	if !access.From(ctx).Scopes.Has(access.PIIRead) {
		return
	}
	actors := make([]string, len(events))
	for i, e := range events {
		actors[i] = e.Actor.Plain
	}
	names := a.names.Names(ctx, tenant, actors)
	for i, actor := range actors {
		events[i].ActorName = names[actor]
	}
}

// cursorAt returns the cursor of a version within a query, empty at the end.
func cursorAt(scope string, next int64, more ...int64) string {
	if next == 0 {
		return ""
	}
	return web.EncodeCursor(scope, web.Numbers(append([]int64{next}, more...)...))
}

// period is the part of an account's history that a statement covers. The first page fixes its
// ends, so that all pages are of one statement even when commands are committed in the meantime.
type period struct {
	// next is the version that the page starts at, opening and closing the versions before and at
	// the end of the period.
	next, opening, closing int64
}

// statement lists what changed the posted balance.
func (a *API) statement(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	from, to, limit := q.Time("from"), q.Time("to"), q.Limit()
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		q.FailForm("to", account.FieldOutOfRange, "an instant that is not before from")
	}
	scope := "statement|" + of.String() + "|" + from.Format(time.RFC3339Nano) + "|" + to.Format(time.RFC3339Nano)
	var p period
	paged := q.CursorNumbers(scope, &p.next, &p.opening, &p.closing)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.ExistingHead(ctx, a.journal, of)
	if err != nil {
		return err
	}
	if !paged {
		if p, err = a.period(ctx, of, from, to, head.State.Version); err != nil {
			return err
		}
	}
	return a.statementPage(c, of, head.State.Currency, p, scope, limit)
}

// period finds the versions of from ≤ recorded_at < to. Times are whole microseconds, so the last
// instant before one is a microsecond before it.
func (a *API) period(ctx context.Context, of event.Account, from, to time.Time, head int64) (p period, err error) {
	p.closing = head
	if !to.IsZero() {
		if p.closing, err = a.journal.VersionAt(ctx, of, to.Add(-time.Microsecond)); err != nil {
			return p, api.Unavailable(err)
		}
	}
	if !from.IsZero() {
		if p.opening, err = a.journal.VersionAt(ctx, of, from.Add(-time.Microsecond)); err != nil {
			return p, api.Unavailable(err)
		}
	}
	p.next = p.opening + 1
	return p, nil
}

func (a *API) statementPage(c echo.Context, of event.Account, currency string, p period, scope string, limit int) error {
	ctx := c.Request().Context()
	opening, err := a.posted(ctx, of, p.opening)
	if err != nil {
		return err
	}
	closing, err := a.posted(ctx, of, p.closing)
	if err != nil {
		return err
	}
	var page []api.Recorded
	var next int64
	if p.next <= p.closing {
		if page, next, err = api.History(ctx, a.journal, of, p.next, p.closing, limit, moves); err != nil {
			return err
		}
	}
	statement := Statement{
		AccountID: of.ID, Currency: currency,
		Opening: Posted{Posted: opening, Version: p.opening}, Closing: Posted{Posted: closing, Version: p.closing},
		Lines: make([]Line, len(page)), Page: api.NextPage(c, cursorAt(scope, next, p.opening, p.closing)),
	}
	for i, r := range page {
		statement.Lines[i] = lineOf(of, r)
	}
	return web.ReplyJSON(c, http.StatusOK, statement)
}

// posted returns the balance after a version; 0 before the account was opened.
func (a *API) posted(ctx context.Context, of event.Account, version int64) (int64, error) {
	if version == 0 {
		return 0, nil
	}
	ev, _, err := a.journal.Event(ctx, of, version)
	if err != nil {
		return 0, api.Unavailable(err)
	}
	return ev.After.Posted, nil
}

// moves reports whether an event is a line of a statement.
func moves(ev event.Event) bool { return ev.TransactionID() != "" }

// lineOf renders a line of a statement.
func lineOf(of event.Account, r api.Recorded) Line {
	line := Line{
		EventID: of.EventID(r.Version), Version: r.Version, TransactionID: r.TransactionID(), Type: r.Body.Type(),
		RecordedAt: api.Time{Time: r.Entry.RecordedAt}, EffectiveAt: api.Date{Time: r.EffectiveAt},
		Amount: r.Amount(), Posted: r.After.Posted,
	}
	switch b := r.Body.(type) {
	case event.MoneyCredited:
		line.Kind, line.Contra, line.Reference = b.Kind, event.Text{Plain: b.Contra}, b.Reference
	case event.MoneyWithdrawn:
		line.Amount = -line.Amount
		line.Kind, line.HoldID, line.Contra, line.Reference = b.Kind, b.HoldID, event.Text{Plain: b.Contra}, b.Reference
	case event.TransactionReversed:
		if b.Direction == event.DirectionDebit {
			line.Amount = -line.Amount
		}
		line.OriginalTransactionID, line.Reference = b.OriginalTransactionID, b.Reason
	}
	return line
}
