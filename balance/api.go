package balance

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// API answers queries: the present from the rows, the past from the journal, where every event has
// what the account stood at after it. Safe for concurrent use.
type API struct {
	store   *Store
	journal *journal.Reader
	now     func() time.Time
}

// NewAPI makes an API on the rows and the journal that they are folded from.
func NewAPI(s *Store, r *journal.Reader) *API { return &API{store: s, journal: r, now: time.Now} }

// Routes are what the service serves besides its consumers.
func (a *API) Routes() []web.Route {
	const of = "/v1/accounts/{account_id}"
	return []web.Route{
		{Method: http.MethodGet, Path: of + "/balance", Handler: a.balance},
		{Method: http.MethodGet, Path: "/balance/{account_id}", Handler: a.balance},
		{Method: http.MethodGet, Path: of + "/holds", Handler: a.holds},
		{Method: http.MethodGet, Path: of + "/statement", Handler: a.statement},
		{Method: http.MethodGet, Path: of + "/events", Handler: a.events},
		{Method: http.MethodGet, Path: "/v1/accounts", Handler: a.list},
	}
}

// balance answers what an account stands at, or stood at.
func (a *API) balance(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	moment := api.TakeMoment(q)
	if err := q.Problem(); err != nil {
		return err
	}
	row, err := a.row(c.Request().Context(), of, moment)
	if err != nil {
		return err
	}
	var j web.JSON
	j.Begin()
	render(&j, row)
	j.End()
	web.SetVersion(c, row.Version)
	web.Reply(c, http.StatusOK, j)
	return nil
}

// row is the account's row, or what it would have been at a moment of the past.
func (a *API) row(ctx context.Context, of event.Account, m api.Moment) (Row, error) {
	if !m.Past() {
		return api.Present(ctx, a.journal, of, m, a.store.Wait)
	}
	version, err := m.Resolve(ctx, a.journal, of, a.now())
	if err != nil {
		return Row{}, err
	}
	state, err := a.journal.StateAt(ctx, of, version)
	if err != nil {
		return Row{}, api.Unavailable(err)
	}
	return Row{Account: of, State: state, Version: version, LastEventID: of.EventID(version), AsOf: state.RecordedAt}, nil
}

// render adds the members of a balance.
func render(j *web.JSON, row Row) {
	s := row.State
	j.String("account_id", row.Account.ID)
	j.String("currency", s.Currency)
	j.String("status", s.Status)
	j.OptString("frozen", s.Frozen)
	j.After(event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit})
	j.Int("available", s.Available())
	j.Int("available_own", s.AvailableOwn())
	j.Int("version", row.Version)
	j.String("last_event_id", row.LastEventID)
	j.Time("as_of", row.AsOf)
	j.OptTime("projected_at", row.ProjectedAt)
	j.OptInt("blocked_at_version", row.BlockedAt)
}

// holds lists the open holds.
func (a *API) holds(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	row, err := a.row(c.Request().Context(), of, api.Moment{})
	if err != nil {
		return err
	}
	var j web.JSON
	j.Begin()
	j.String("account_id", of.ID)
	j.String("currency", row.State.Currency)
	j.Int("version", row.Version)
	j.Time("as_of", row.AsOf)
	j.OptInt("blocked_at_version", row.BlockedAt)
	j.BeginList("holds")
	for _, h := range row.State.Holds {
		j.Begin()
		j.String("hold_id", event.HoldID(h.Version))
		j.Int("amount", h.Amount)
		j.Time("placed_at", h.PlacedAt)
		j.OptTime("expires_at", h.ExpiresAt)
		j.End()
	}
	j.EndList()
	j.End()
	web.SetVersion(c, row.Version)
	web.Reply(c, http.StatusOK, j)
	return nil
}

// list lists accounts.
func (a *API) list(c echo.Context) error {
	q := web.ParseQuery(c)
	filter := Filter{
		Tenant: api.Tenant, Holder: q.String("holder", 64), Status: q.OneOf("status", account.StatusOpen, account.StatusClosed),
		OverLimit: q.OptBool("over_limit"),
	}
	if filter.Holder != "" && !account.ValidCode(filter.Holder) {
		q.Fail("holder", account.FieldSyntax)
	}
	cursor, limit := q.Cursor("accounts"), q.Limit()
	if err := q.Problem(); err != nil {
		return err
	}
	rows, next, err := a.store.List(c.Request().Context(), filter, cursor, limit)
	if errors.Is(err, ErrCursor) {
		return web.Invalid("cursor", account.FieldSyntax)
	}
	if err != nil {
		return api.RowsUnavailable(err)
	}
	if next != "" {
		next = web.EncodeCursor("accounts", next)
	}
	var j web.JSON
	j.Begin()
	j.BeginList("accounts")
	for _, row := range rows {
		j.Begin()
		j.OptString("holder_ref", row.State.HolderRef)
		j.OptString("product", row.State.Product)
		render(&j, row)
		j.End()
	}
	j.EndList()
	api.Next(&j, c, next)
	j.End()
	web.Reply(c, http.StatusOK, j)
	return nil
}
