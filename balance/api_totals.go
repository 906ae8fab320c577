package balance

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/web"
)

// totalsAnswer answers what all accounts of the caller's tenant have. AsOf is when the reading
// began; null before the first one is complete.
type totalsAnswer struct {
	Totals []totalAnswer `json:"totals"`
	AsOf   *api.Time     `json:"as_of"`
	// TookSeconds is how long the rows were read: the totals are not of one instant.
	TookSeconds api.Seconds `json:"took_seconds"`
}

type totalAnswer struct {
	Currency string `json:"currency"`
	Accounts int64  `json:"accounts"`
	Posted   int64  `json:"posted"`
	Held     int64  `json:"held"`
	Drawn    int64  `json:"drawn"`
	Limit    int64  `json:"limit"`
}

// Route returns the route that answers the totals.
func (t *BankTotals) Route() web.Route {
	return web.Route{Method: http.MethodGet, Path: "/v1/totals", Scopes: access.AccountsRead, Handler: func(c echo.Context) error {
		if err := web.ParseQuery(c).Problem(); err != nil {
			return err
		}
		answer := totalsAnswer{Totals: []totalAnswer{}}
		totals, began, ended, known := t.Of(access.From(c.Request().Context()).Tenant)
		if known {
			answer.AsOf = &api.Time{Time: began.UTC().Truncate(time.Microsecond)}
			answer.TookSeconds = api.Seconds(ended.Sub(began).Seconds())
		}
		for _, total := range totals {
			answer.Totals = append(answer.Totals, totalAnswer(total))
		}
		return web.ReplyJSON(c, http.StatusOK, answer)
	}}
}
