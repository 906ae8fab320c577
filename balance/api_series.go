package balance

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/series"
	"passbook/shared/web"
)

// maxPoints is the most points of a series, and defaultPoints how many there are when none are
// asked for.
const (
	maxPoints     = 5000
	defaultPoints = 1000
)

// Series is how an account's amounts moved over its versions.
type Series struct {
	AccountID string `json:"account_id"`
	Currency  string `json:"currency"`
	// Version is the account's newest version.
	Version   int64        `json:"version"`
	From      int64        `json:"from_version"`
	To        int64        `json:"to_version"`
	Step      int64        `json:"step"`
	Versions  []int64      `json:"versions"`
	Times     []api.Time   `json:"recorded_at"`
	Posted    SeriesColumn `json:"posted"`
	Available SeriesColumn `json:"available"`
	Limit     SeriesColumn `json:"limit"`
}

// SeriesColumn is an amount over the points of a Series.
type SeriesColumn struct {
	Last []int64 `json:"last"`
	Min  []int64 `json:"min,omitempty"`
	Max  []int64 `json:"max,omitempty"`
}

// seriesOf answers the series of a window of versions.
func (a *API) seriesOf(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	from, to := max(q.Version("from_version"), 1), q.Version("to_version")
	points := q.Int("points", 1, maxPoints, defaultPoints)
	if to != 0 && to < from {
		q.FailForm("to_version", account.FieldOutOfRange, "a version that is not below from_version")
	}
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.ExistingHead(ctx, a.journal, of)
	if err != nil {
		return err
	}
	newest := head.State.Version
	if to == 0 || to > newest {
		to = newest
	}
	s, err := a.series.Read(ctx, of, from, to, int(points))
	if err != nil {
		return api.Unavailable(err)
	}
	answer := Series{
		AccountID: of.ID, Currency: head.State.Currency, Version: newest, From: s.From, To: s.To, Step: s.Step,
		Versions: numbers(s.Versions), Times: make([]api.Time, len(s.Times)),
		Posted: columnOf(s.Posted), Available: columnOf(s.Available), Limit: columnOf(s.Limit),
	}
	for i, t := range s.Times {
		answer.Times[i] = api.Time{Time: t}
	}
	web.SetVersion(c, newest)
	return web.ReplyJSON(c, http.StatusOK, answer)
}

func columnOf(c series.Column) SeriesColumn {
	return SeriesColumn{Last: numbers(c.Last), Min: c.Min, Max: c.Max}
}

// numbers returns the values, and an empty list when there are none.
func numbers(values []int64) []int64 {
	if values == nil {
		return []int64{}
	}
	return values
}
