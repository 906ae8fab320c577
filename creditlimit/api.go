package creditlimit

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

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
	store   *Store
	journal *journal.Reader
	now     func() time.Time
}

// NewAPI makes an API on the rows and the journal that they are folded from.
func NewAPI(s *Store, r *journal.Reader) *API { return &API{store: s, journal: r, now: time.Now} }

// Routes are what the service serves besides its consumers.
func (a *API) Routes() []web.Route {
	const of = "/v1/accounts/{account_id}/credit-limit"
	return []web.Route{
		{Method: http.MethodGet, Path: of, Handler: a.limit},
		{Method: http.MethodGet, Path: "/creditLimit/{account_id}", Handler: a.limit},
		{Method: http.MethodGet, Path: of + "/history", Handler: a.history},
		{Method: http.MethodGet, Path: of + "/explain", Handler: a.explain},
	}
}

// limit answers how the line is used, or was used.
func (a *API) limit(c echo.Context) error {
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
	s := row.State
	var j web.JSON
	j.Begin()
	j.String("account_id", of.ID)
	j.String("currency", s.Currency)
	j.Int("limit", s.Limit)
	j.OptTime("expires_at", s.ExpiresAt)
	j.Int("drawn", s.Drawn())
	j.Int("reserved", s.Reserved())
	j.Int("available_credit", s.AvailableCredit())
	j.Int("over_limit", s.OverLimit())
	if bps, ok := s.UtilisationBps(); ok {
		j.Int("utilisation_bps", bps)
	} else {
		j.Null("utilisation_bps")
	}
	j.Int("declines", s.Declines)
	j.Int("version", row.Version)
	j.Time("as_of", row.AsOf)
	j.OptTime("projected_at", row.ProjectedAt)
	j.OptInt("blocked_at_version", row.BlockedAt)
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
	return a.past(ctx, of, version)
}

// past folds the history anew: declines and peak are counts over all of it.
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

// history lists the decisions on the limit, the one at the opening too.
func (a *API) history(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	from, limit, scope := int64(1), q.Limit(), "limits|"+of.ID
	q.CursorNumbers(scope, &from)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.Existing(ctx, a.journal, of)
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
	var j web.JSON
	j.Begin()
	j.String("account_id", of.ID)
	j.String("currency", head.State.Currency)
	j.BeginList("decisions")
	for _, r := range page {
		renderDecision(&j, of, r)
	}
	j.EndList()
	api.Next(&j, c, cursor)
	j.End()
	web.Reply(c, http.StatusOK, j)
	return nil
}

// decides says whether an event set the limit.
func decides(ev event.Event) bool {
	switch b := ev.Body.(type) {
	case event.AccountOpened:
		return b.CreditLimit > 0
	case event.CreditLimitChanged:
		return true
	}
	return false
}

func renderDecision(j *web.JSON, of event.Account, r api.Recorded) {
	j.Begin()
	j.String("event_id", of.EventID(r.Version))
	j.Int("version", r.Version)
	j.Time("recorded_at", r.Entry.RecordedAt)
	switch b := r.Body.(type) {
	case event.AccountOpened:
		j.Int("before", 0)
		j.Int("after", b.CreditLimit)
	case event.CreditLimitChanged:
		j.Int("before", b.Before)
		j.Int("after", b.After)
		j.OptTime("expires_at", b.ExpiresAt)
		j.OptText("reason", b.Reason)
		j.OptString("decided_by", b.DecidedBy)
		j.OptString("decision_ref", b.DecisionRef)
		if b.Forced {
			j.Bool("forced", true)
		}
		j.OptInt("expired_version", b.ExpiredVersion)
	}
	j.End()
}

// explain tells what a withdrawal would meet now. It is made of the blocks that decide one, on the
// journal's own state, and commits nothing.
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
	head, err := api.Existing(c.Request().Context(), a.journal, of)
	if err != nil {
		return err
	}
	d := account.NewDraft(head.State, a.now())
	d.ReleaseExpired()
	before := d.State
	if d.IsOpen() && d.AllowsDebit() {
		d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
	}
	var j web.JSON
	j.Begin()
	j.String("account_id", of.ID)
	j.String("currency", before.Currency)
	j.Int("version", head.State.Version)
	j.Time("as_of", d.Now)
	j.Int("amount", amount)
	j.Int("available", before.Available())
	j.Int("available_own", before.AvailableOwn())
	j.Int("limit", before.Limit)
	renderOutcome(&j, d.Decision())
	j.End()
	web.SetVersion(c, head.State.Version)
	web.Reply(c, http.StatusOK, j)
	return nil
}

func renderOutcome(j *web.JSON, d account.Decision) {
	if d.Rejection != nil {
		j.Bool("accepted", false)
		j.String("code", d.Rejection.Code)
		return
	}
	switch b := d.Events[len(d.Events)-1].Body.(type) {
	case event.MoneyWithdrawn:
		j.Bool("accepted", true)
		j.Int("from_own", b.FromOwn)
		j.Int("from_credit", b.FromCredit)
	case event.WithdrawalDeclined:
		j.Bool("accepted", false)
		j.String("code", b.Reason)
		j.Int("shortfall", b.Shortfall)
	}
}
