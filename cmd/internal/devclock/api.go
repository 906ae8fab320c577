package devclock

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/web"
)

// Path is where the clock is read and moved. It is no part of the contract: only a bank for
// development has it.
const Path = "/dev/clock"

// Reading is what the clock shows.
type Reading struct {
	Now   api.Time `json:"now"`
	Ahead string   `json:"ahead"`
}

// Routes returns the routes of the clock.
func (c *Clock) Routes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: Path, Scopes: access.OpsRead, Handler: c.show},
		{Method: http.MethodPost, Path: Path, Scopes: access.OpsWrite, Handler: c.move},
	}
}

// show answers what the clock shows.
func (c *Clock) show(e echo.Context) error {
	if err := web.ParseQuery(e).Problem(); err != nil {
		return err
	}
	return web.ReplyJSON(e, http.StatusOK, c.reading())
}

func (c *Clock) reading() Reading {
	return Reading{api.Time{Time: c.Now().Truncate(time.Microsecond)}, time.Duration(c.ahead.Load()).String()}
}

// move moves the clock by a duration or to an instant.
func (c *Clock) move(e echo.Context) error {
	body, refused := web.ReadBody(nil, e.Request())
	if refused != nil {
		return refused
	}
	f := web.ParseFields(body)
	by, to := f.Text("advance", web.Optional), f.Text("set", web.Optional)
	move, name, form := moveOf(by, to)
	if form != "" {
		f.FailForm(name, account.FieldSyntax, form)
	}
	if p := f.Problem(); p != nil {
		return p
	}
	if _, err := c.Move(move); errors.Is(err, ErrBackwards) || errors.Is(err, ErrTooFar) {
		return web.InvalidForm(name, account.FieldOutOfRange, "a later time: "+err.Error())
	} else if err != nil {
		return err
	}
	return web.ReplyJSON(e, http.StatusOK, c.reading())
}

// moveOf returns the move that a request asks for; else the field that is wrong, and the form that
// it should have.
func moveOf(by, to string) (move func(time.Time) time.Time, name, form string) {
	switch {
	case (by == "") == (to == ""):
		return nil, "advance", "one of advance, a duration such as 36h, and set, an instant such as 2026-12-24T00:00:00Z"
	case by != "":
		d, err := time.ParseDuration(by)
		if err != nil {
			return nil, "advance", "a duration such as 90s, 36h or 744h"
		}
		return func(now time.Time) time.Time { return now.Add(d) }, "advance", ""
	}
	at, ok := account.ParseTime(to)
	if !ok {
		return nil, "set", account.FormTime
	}
	return func(time.Time) time.Time { return at }, "set", ""
}
