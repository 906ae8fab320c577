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
	return web.ReplyJSON(c, http.StatusOK, usage)
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

// history lists the decisions on the limit, including the one at the opening.
func (a *API) history(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	from, limit, scope := int64(1), q.Limit(), "limits|"+of.String()
	q.CursorNumbers(scope, &from)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.ExistingHead(ctx, a.journal, of)
	if err != nil {
		return err
	}
	page, next, err := api.History(ctx, a.journal, of, from, 0, limit, decides)
	if err != nil {
		return err
	}
	cursor := ""
	if next > 0 {
		cursor = web.EncodeCursor(scope, web.Numbers(next))
	}
	list := History{AccountID: of.ID, Currency: head.State.Currency, Decisions: make([]Decision, len(page)), Page: api.NextPage(c, cursor)}
	for i, r := range page {
		list.Decisions[i] = decisionOf(of, r)
	}
	return web.ReplyJSON(c, http.StatusOK, list)
}

// decides reports whether an event set the limit.
func decides(ev event.Event) bool {
	switch b := ev.Body.(type) {
	case event.AccountOpened:
		return b.CreditLimit > 0
	case event.CreditLimitChanged:
		return true
	}
	return false
}

// decisionOf renders a decision.
func decisionOf(of event.Account, r api.Recorded) Decision {
	d := Decision{EventID: of.EventID(r.Version), Version: r.Version, RecordedAt: api.Time{Time: r.Entry.RecordedAt}}
	switch b := r.Body.(type) {
	case event.AccountOpened:
		d.After = b.CreditLimit
	case event.CreditLimitChanged:
		d.Before, d.After, d.ExpiresAt, d.Reason = b.Before, b.After, api.Time{Time: b.ExpiresAt}, b.Reason
		d.DecidedBy, d.DecisionRef = event.Text{Plain: b.DecidedBy}, event.Text{Plain: b.DecisionRef}
		d.Forced, d.ExpiredVersion = b.Forced, b.ExpiredVersion
	}
	return d
}
