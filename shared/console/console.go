package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/console/account"
	"passbook/shared/console/accounts"
	"passbook/shared/console/client"
	"passbook/shared/console/history"
	"passbook/shared/console/live"
	"passbook/shared/console/overview"
	"passbook/shared/console/reference"
	"passbook/shared/console/view"
	"passbook/shared/console/webhooks"
	"passbook/shared/web"
)

// Routes returns the routes of all pages, made with a kit.
func Routes(k *view.Kit) []web.Route {
	return slices.Concat(
		[]web.Route{k.Get("/ui/json", 0, asJSON), k.Get("/ui/*", 0, missing), root()},
		overview.Routes(k), accounts.Routes(k), account.Routes(k), live.Routes(k), history.Routes(k), reference.Routes(k), webhooks.Routes(k),
	)
}

// missing returns the refusal of an address that has no page.
func missing(*view.Request) (view.Page, error) {
	return view.Page{}, &client.Problem{Status: http.StatusNotFound, Title: "There is no such page", Detail: "The address is not one of the console. The navigation leads to its pages."}
}

// root returns the route of the server's root: a browser is sent to the console, and a program told
// where what is.
func root() web.Route {
	return web.Route{Method: http.MethodGet, Path: "/", Kind: web.Probe, Open: true, Handler: func(c echo.Context) error {
		c.Response().Header().Set("Vary", "Accept")
		if strings.Contains(c.Request().Header.Get("Accept"), "text/html") {
			return c.Redirect(http.StatusSeeOther, "/ui/")
		}
		return web.ReplyJSON(c, http.StatusOK, links{Console: "/ui/", Documentation: "/docs", Contract: "/openapi.json", Streams: "/asyncapi.json", Accounts: "/v1/accounts", Ready: "/readyz", Version: "/version"})
	}}
}

// links are the addresses of what a program may look for first.
type links struct {
	Console       string `json:"console"`
	Documentation string `json:"documentation"`
	Contract      string `json:"contract"`
	Streams       string `json:"streams"`
	Accounts      string `json:"accounts"`
	Ready         string `json:"ready"`
	Version       string `json:"version"`
}

// jsonPage shows an answer of the API as it was sent.
type jsonPage struct{ Path, Text string }

var pages = view.Parse(templates, "templates/*.html")

// asJSON shows what the API answers to a path, to who looks.
func asJSON(r *view.Request) (view.Page, error) {
	path := r.QueryParam("path")
	page := view.Page{Title: "JSON", Templates: pages, Name: "json"}
	if !strings.HasPrefix(path, "/v1/") {
		return missing(r)
	}
	answer, err := r.API.Get(r.Ctx(), path, nil)
	if err != nil {
		return page, err
	}
	var indented bytes.Buffer
	if json.Indent(&indented, answer.Body, "", "  ") != nil {
		indented.Write(answer.Body)
	}
	page.Data = jsonPage{path, indented.String()}
	page.Source = path
	return page, nil
}
