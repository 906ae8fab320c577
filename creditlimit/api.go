package creditlimit

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// API answers queries: the present from the rows, the past and the decisions from the journal. Safe
// for concurrent use.
type API struct {
	rows    api.Rows[State]
	journal *journal.Reader
	// declines counts those up to a version of the past.
	declines *declineCounter
	now      func() time.Time
}

// NewAPI makes an API on the rows, and on the journal from which they are folded.
func NewAPI(s *Store, r *journal.Reader) *API {
	a := &API{journal: r, declines: newDeclineCounter(r, s), now: time.Now}
	a.rows = api.Rows[State]{Journal: r, Wait: s.Wait, Past: a.past}
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
	const of = "/v1/accounts/{account_id}/credit-limit"
	return []web.Route{
		{Method: http.MethodGet, Path: of, Scopes: access.AccountsRead, Handler: a.limit},
		{Method: http.MethodGet, Path: "/creditLimit/{account_id}", Scopes: access.AccountsRead, Handler: a.limit},
		{Method: http.MethodGet, Path: of + "/history", Scopes: access.AccountsRead, Handler: a.history},
		{Method: http.MethodGet, Path: of + "/explain", Scopes: access.AccountsRead, Handler: a.explain},
	}
}

// limit answers how the line of credit is used, now or at a moment of the past.
func (a *API) limit(c echo.Context) error {
	of, moment, err := api.AccountAt(c)
	if err != nil {
		return err
	}
	row, err := a.rows.At(c.Request().Context(), of, moment, a.now())
	if err != nil {
		return err
	}
	s := row.State
	usage := Usage{
		AccountID: of.ID, Currency: s.Currency, Limit: s.Limit, ExpiresAt: api.Time{Time: s.ExpiresAt},
		Drawn: s.Drawn(), Reserved: s.Reserved(), AvailableCredit: s.AvailableCredit(), OverLimit: s.OverLimit(), Declines: s.Declines,
		Version: row.Version, AsOf: api.Time{Time: row.AsOf}, ProjectedAt: api.Time{Time: row.ProjectedAt}, BlockedAtVersion: row.QuarantinedAt,
	}
	if bps, ok := s.UtilisationBps(); ok {
		usage.UtilisationBps = &bps
	}
	web.SetVersion(c, row.Version)
	web.ReplyWith(c, http.StatusOK, usage.render)
	return nil
}

// past returns the use of the line as it was at a version: the amounts from the state that the
// journal keeps, and the declines, which no state has, by counting.
func (a *API) past(ctx context.Context, of event.Account, version int64) (Row, error) {
	s, err := a.journal.StateAt(ctx, of, version)
	if err != nil {
		return Row{}, api.Unavailable(err)
	}
	row := Row{Account: of, Version: version, AsOf: s.RecordedAt, State: State{
		Status: s.Status, Currency: s.Currency, Posted: s.Posted, Held: s.Held, Limit: s.Limit, LimitVersion: s.LimitVersion, ExpiresAt: s.LimitExpiresAt,
	}}
	row.State.Declines, err = a.declines.At(ctx, of, version)
	return row, err
}
