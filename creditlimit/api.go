package creditlimit

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/money"
	"passbook/shared/web"
)

// API answers queries: the present from the rows, the past and the decisions from the journal. Safe
// for concurrent use.
type API struct {
	rows    api.Rows[State]
	journal *journal.Reader
	now     func() time.Time
}

// NewAPI makes an API on the rows, and on the journal from which they are folded.
func NewAPI(s *Store, r *journal.Reader) *API {
	a := &API{journal: r, now: time.Now}
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

// past folds the history again: declines and peak are counts over all of it.
func (a *API) past(ctx context.Context, of event.Account, version int64) (Row, error) {
	row := Row{Account: of}
	for entry, err := range a.journal.Entries(ctx, of, 1, version) {
		if err != nil {
			return row, api.Unavailable(err)
		}
		for _, ev := range entry.Events {
			if ev.Version > version {
				break
			}
			if row.State, err = Fold(row.State, ev); err != nil {
				return row, fmt.Errorf("fold %s: %w", of.EventID(ev.Version), err)
			}
			row.Version, row.AsOf = ev.Version, entry.RecordedAt
		}
		row.State = Settle(row.State, row.Version)
	}
	return row, nil
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

// explain answers which outcome a withdrawal would have now. It uses the functions that decide one,
// on the journal's state, and commits nothing.
func (a *API) explain(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	amount := q.Int("amount", 1, money.Max, 0)
	if amount == 0 {
		q.Missing("amount")
	}
	if err := q.Problem(); err != nil {
		return err
	}
	head, err := api.ExistingHead(c.Request().Context(), a.journal, of)
	if err != nil {
		return err
	}
	d := account.NewDraft(head.State, a.now())
	d.ReleaseExpired()
	before := d.State
	if d.IsOpen() && d.AllowsDebit() {
		d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
	}
	web.SetVersion(c, head.State.Version)
	return web.ReplyJSON(c, http.StatusOK, Explanation{
		AccountID: of.ID, Currency: before.Currency, Version: head.State.Version, AsOf: api.Time{Time: d.Now}, Amount: amount,
		Available: before.Available(), AvailableOwn: before.AvailableOwn(), Limit: before.Limit, Outcome: outcomeOf(d.Decision()),
	})
}

// outcomeOf renders the outcome of a withdrawal.
func outcomeOf(d account.Decision) Outcome {
	if d.Rejection != nil {
		return Outcome{Code: d.Rejection.Code}
	}
	switch b := d.Events[len(d.Events)-1].Body.(type) {
	case event.MoneyWithdrawn:
		return Outcome{Accepted: true, FromOwn: &b.FromOwn, FromCredit: &b.FromCredit}
	case event.WithdrawalDeclined:
		return Outcome{Code: b.Reason, Shortfall: &b.Shortfall}
	}
	return Outcome{}
}
