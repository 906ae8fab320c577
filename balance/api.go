package balance

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/eventview"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/series"
	"passbook/shared/web"
)

// API answers queries: the present from the rows, the past from the journal, whose events have the
// amounts after them. Safe for concurrent use.
type API struct {
	store   *Store
	rows    api.Rows[account.State]
	journal *journal.Reader
	series  *series.Reader
	names   Names
	all     *derived.Events
	archive derived.Archive
	now     func() time.Time
}

// Names knows the names of the persons behind actors.
type Names interface {
	// Names returns the names of those actors of a tenant that have one, as far as they can be
	// read.
	Names(ctx context.Context, tenant string, actors []string) map[string]string
}

// NewAPI makes an API on the rows, and on the journal from which they are folded. It shows names to
// those who may read them. Events older than the index are those of the archive; with nil there are
// none.
func NewAPI(s *Store, r *journal.Reader, n Names, old derived.Archive) *API {
	a := &API{store: s, journal: r, archive: old, series: series.NewReader(r), names: n, now: time.Now}
	a.all = derived.NewEvents(s.table, r, s, func() time.Time { return a.now() })
	a.rows = api.Rows[account.State]{Journal: r, Wait: s.Wait, Past: a.past}
	return a
}

// WithClock sets the clock by which a read of the past is one of the past; without it the API goes
// by time.Now. It returns the API.
func (a *API) WithClock(now func() time.Time) *API {
	a.now = now
	return a
}

// Routes returns the routes of the service's queries.
func (a *API) Routes() []web.Route {
	const of = "/v1/accounts/{account_id}"
	return []web.Route{
		{Method: http.MethodGet, Path: of, Scopes: access.AccountsRead, Handler: a.account},
		{Method: http.MethodGet, Path: of + "/balance", Scopes: access.AccountsRead, Handler: a.balance},
		{Method: http.MethodGet, Path: "/balance/{account_id}", Scopes: access.AccountsRead, Handler: a.balance},
		{Method: http.MethodGet, Path: of + "/holds", Scopes: access.AccountsRead, Handler: a.holds},
		{Method: http.MethodGet, Path: of + "/events", Scopes: access.AccountsRead, Handler: a.events},
		{Method: http.MethodGet, Path: of + "/series", Scopes: access.AccountsRead, Handler: a.seriesOf},
		{Method: http.MethodGet, Path: "/v1/accounts", Scopes: access.AccountsRead, Handler: a.list},
		{Method: http.MethodGet, Path: "/v1/events", Scopes: access.FeedRead, Handler: a.eventsOfAll},
		{Method: http.MethodGet, Path: "/v1/holders/{holder_ref}/totals", Scopes: access.AccountsRead, Handler: a.holderTotals},
	}
}

// balance answers the balance of an account, now or at a moment of the past.
func (a *API) balance(c echo.Context) error {
	of, moment, err := api.AccountAt(c)
	if err != nil {
		return err
	}
	row, err := a.rows.At(c.Request().Context(), of, moment, a.now())
	if err != nil {
		return err
	}
	web.SetVersion(c, row.Version)
	answer := balanceOf(row)
	web.ReplyWith(c, http.StatusOK, answer.render)
	return nil
}

// past returns the row of an account as it was at a version.
func (a *API) past(ctx context.Context, of event.Account, version int64) (Row, error) {
	state, err := a.journal.StateAt(ctx, of, version)
	if err != nil {
		return Row{}, api.Unavailable(err)
	}
	return Row{Account: of, State: state, Version: version, AsOf: state.RecordedAt}, nil
}

// balanceOf renders a row.
func balanceOf(row Row) Balance {
	s := row.State
	return Balance{
		AccountID: row.Account.ID, Currency: s.Currency, Status: s.Status, Frozen: s.Frozen,
		Amounts:   eventview.Amounts{Posted: s.Posted, Held: s.Held, Limit: s.Limit},
		Available: s.Available(), AvailableOwn: s.AvailableOwn(),
		Version: row.Version, LastEventID: row.LastEventID(),
		AsOf: api.Time{Time: row.AsOf}, ProjectedAt: api.Time{Time: row.ProjectedAt}, BlockedAtVersion: row.QuarantinedAt,
	}
}

// account answers an account as its own history has it: where the Location of a command that opened
// it leads, so never behind.
func (a *API) account(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	head, err := api.ExistingHead(c.Request().Context(), a.journal, of)
	if err != nil {
		return err
	}
	s := head.State
	row := Row{Account: of, State: s, Version: s.Version, AsOf: s.RecordedAt}
	path := "/v1/accounts/" + of.ID
	web.SetVersion(c, row.Version)
	return web.ReplyJSON(c, http.StatusOK, AccountPage{
		Account: Account{HolderRef: s.HolderRef, Product: s.Product, Balance: balanceOf(row)},
		Links:   Links{path + "/balance", path + "/statement", path + "/events", path + "/holds", path + "/credit-limit"},
	})
}

// holds lists the open holds of an account.
func (a *API) holds(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	row, err := a.rows.At(c.Request().Context(), of, api.Moment{}, a.now())
	if err != nil {
		return err
	}
	list := HoldList{
		AccountID: of.ID, Currency: row.State.Currency, Version: row.Version, AsOf: api.Time{Time: row.AsOf}, BlockedAtVersion: row.QuarantinedAt,
		Holds: make([]Hold, len(row.State.Holds)),
	}
	for i, h := range row.State.Holds {
		list.Holds[i] = Hold{HoldID: event.HoldID(h.Version), Amount: h.Amount, PlacedAt: api.Time{Time: h.PlacedAt}, ExpiresAt: api.Time{Time: h.ExpiresAt}}
	}
	web.SetVersion(c, row.Version)
	return web.ReplyJSON(c, http.StatusOK, list)
}

// list lists accounts.
func (a *API) list(c echo.Context) error {
	q := web.ParseQuery(c)
	filter := Filter{
		Tenant: access.From(c.Request().Context()).Tenant, Holder: q.String("holder", 64), Status: q.OneOf("status", account.StatusOpen, account.StatusClosed),
		OverLimit: q.OptBool("over_limit"),
	}
	if filter.Holder != "" && !account.ValidCode(filter.Holder) {
		q.FailForm("holder", account.FieldSyntax, account.FormID)
	}
	scope := filter.scope()
	position, limit := q.Cursor(scope), q.Limit()
	if err := q.Problem(); err != nil {
		return err
	}
	rows, next, err := a.store.List(c.Request().Context(), filter, position, limit)
	if errors.Is(err, ErrPosition) {
		return web.Invalid("cursor", account.FieldSyntax)
	}
	if err != nil {
		return api.RowsUnavailable(err)
	}
	if next != "" {
		next = web.EncodeCursor(scope, next)
	}
	list := AccountList{Accounts: make([]Account, len(rows)), Page: api.NextPage(c, next)}
	for i, row := range rows {
		list.Accounts[i] = Account{HolderRef: row.State.HolderRef, Product: row.State.Product, Balance: balanceOf(row)}
	}
	return web.ReplyJSON(c, http.StatusOK, list)
}

// scope names the list that a cursor belongs to.
func (f Filter) scope() string {
	over := "any"
	if f.OverLimit != nil {
		over = strconv.FormatBool(*f.OverLimit)
	}
	return strings.Join([]string{"accounts", f.Tenant, f.Holder, f.Status, over}, "|")
}
