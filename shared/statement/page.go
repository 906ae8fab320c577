package statement

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/web"
)

// Path is where the statement of an account is.
const Path = "/v1/accounts/{account_id}/statement"

// page answers a page of a statement.
func (s *Statements) page(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	asked, limit := takePeriod(q), q.Limit()
	scope := "statement|" + of.String() + "|" + asked.scope()
	var p period
	paged := q.CursorNumbers(scope, &p.next, &p.opening, &p.closing)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.ExistingHead(ctx, s.journal, of)
	if err != nil {
		return err
	}
	if !paged {
		if p, err = asked.find(ctx, s.journal, of, head.State.Version); err != nil {
			return err
		}
	}
	return s.reply(c, of, head.State.Currency, p, scope, limit)
}

// reply answers the page of a period that begins at its next version.
func (s *Statements) reply(c echo.Context, of event.Account, currency string, p period, scope string, limit int) error {
	ctx := c.Request().Context()
	opening, _, err := posted(ctx, s.journal, of, p.opening)
	if err != nil {
		return err
	}
	closing, _, err := posted(ctx, s.journal, of, p.closing)
	if err != nil {
		return err
	}
	var page []api.Recorded
	var next int64
	if p.next <= p.closing {
		if page, next, err = api.History(ctx, s.journal, of, p.next, p.closing, limit, moves); err != nil {
			return err
		}
	}
	cursor := ""
	if next > 0 {
		cursor = web.EncodeCursor(scope, web.Numbers(next, p.opening, p.closing))
	}
	answer := Statement{AccountID: of.ID, Currency: currency, Opening: opening, Closing: closing, Lines: make([]Line, len(page)), Page: api.NextPage(c, cursor)}
	for i, r := range page {
		answer.Lines[i] = lineOf(of, r)
	}
	return web.ReplyJSON(c, http.StatusOK, answer)
}
