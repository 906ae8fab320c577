package balance

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/web"
)

// eventTypes are the words that ?type knows.
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
	scope := "events|" + of.ID + "|" + kind
	q.CursorNumbers(scope, &from)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := api.Existing(ctx, a.journal, of); err != nil {
		return err
	}
	page, next, err := api.History(ctx, a.journal, of, from, 0, limit, func(ev event.Event) bool {
		return kind == "" || ev.Body.Type() == kind
	})
	if err != nil {
		return err
	}
	var j web.JSON
	j.Begin()
	j.String("account_id", of.ID)
	j.BeginList("events")
	for _, r := range page {
		renderEvent(&j, of, r)
	}
	j.EndList()
	api.Next(&j, c, cursorAt(scope, next))
	j.End()
	web.Reply(c, http.StatusOK, j)
	return nil
}

// cursorAt is the cursor of a version within a query, empty at the end.
func cursorAt(scope string, next int64, more ...int64) string {
	if next == 0 {
		return ""
	}
	return web.EncodeCursor(scope, web.Numbers(append([]int64{next}, more...)...))
}

func renderEvent(j *web.JSON, of event.Account, r api.Recorded) {
	command := r.Entry.Commands[r.Command]
	j.Begin()
	j.String("event_id", of.EventID(r.Version))
	j.Int("version", r.Version)
	j.String("type", r.Body.Type())
	j.Int("schema", int64(r.Schema))
	j.Time("recorded_at", r.Entry.RecordedAt)
	j.Date("effective_at", r.EffectiveAt)
	j.String("correlation_id", command.CorrelationID)
	j.OptString("causation_id", r.Entry.Causation(r.Event))
	j.Text("actor", command.Actor)
	j.String("currency", r.Entry.Currency)
	j.OptInt("amount", r.Amount())
	j.OptString("transaction_id", r.TransactionID())
	j.OptString("hold_id", r.HoldID())
	j.BeginObject("after")
	j.After(r.After)
	j.End()
	j.Raw("data", r.Data)
	j.End()
}

// period is the part of an account's history that a statement is about. Its ends are fixed by the
// first page, so that all pages are of one statement whatever comes meanwhile.
type period struct {
	// next is the version that the page starts at, opening and closing the versions before and at
	// the end of the period.
	next, opening, closing int64
}

// statement lists what moved the posted balance.
func (a *API) statement(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	from, to, limit := q.Time("from"), q.Time("to"), q.Limit()
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		q.Fail("to", account.FieldOutOfRange)
	}
	scope := "statement|" + of.ID + "|" + from.Format(time.RFC3339Nano) + "|" + to.Format(time.RFC3339Nano)
	var p period
	paged := q.CursorNumbers(scope, &p.next, &p.opening, &p.closing)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.Existing(ctx, a.journal, of)
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
	var j web.JSON
	j.Begin()
	j.String("account_id", of.ID)
	j.String("currency", currency)
	renderEnd(&j, "opening", opening, p.opening)
	renderEnd(&j, "closing", closing, p.closing)
	j.BeginList("lines")
	for _, r := range page {
		renderLine(&j, of, r)
	}
	j.EndList()
	api.Next(&j, c, cursorAt(scope, next, p.opening, p.closing))
	j.End()
	web.Reply(c, http.StatusOK, j)
	return nil
}

// posted is the balance after a version; 0 before the account was opened.
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

// moves says whether an event is a line of a statement.
func moves(ev event.Event) bool { return ev.TransactionID() != "" }

func renderEnd(j *web.JSON, name string, posted, version int64) {
	j.BeginObject(name)
	j.Int("posted", posted)
	j.Int("version", version)
	j.End()
}

func renderLine(j *web.JSON, of event.Account, r api.Recorded) {
	j.Begin()
	j.String("event_id", of.EventID(r.Version))
	j.Int("version", r.Version)
	j.String("transaction_id", r.TransactionID())
	j.String("type", r.Body.Type())
	j.Time("recorded_at", r.Entry.RecordedAt)
	j.Date("effective_at", r.EffectiveAt)
	amount := r.Amount()
	switch b := r.Body.(type) {
	case event.MoneyCredited:
		j.String("kind", b.Kind)
		j.OptString("contra", b.Contra)
		j.OptText("reference", b.Reference)
	case event.MoneyWithdrawn:
		amount = -amount
		j.String("kind", b.Kind)
		j.OptString("hold_id", b.HoldID)
		j.OptString("contra", b.Contra)
		j.OptText("reference", b.Reference)
	case event.TransactionReversed:
		if b.Direction == event.DirectionDebit {
			amount = -amount
		}
		j.String("original_transaction_id", b.OriginalTransactionID)
		j.OptText("reference", b.Reason)
	}
	j.Int("amount", amount)
	j.Int("posted", r.After.Posted)
	j.End()
}
