package balance

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
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
func cursorAt(scope string, next int64) string {
	if next == 0 {
		return ""
	}
	return web.EncodeCursor(scope, web.Numbers(next))
}
