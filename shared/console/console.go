package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/console/view"
	"passbook/shared/web"
)

// Console has the pages of a process.
type Console struct{ kit *view.Kit }

// New returns a console.
func New(c view.Config) *Console { return &Console{kit: view.NewKit(c)} }

// Routes returns the routes of all pages.
func (c *Console) Routes() []web.Route {
	return []web.Route{c.kit.Static(), c.kit.Updates(), c.kit.Get("/ui/json", 0, asJSON)}
}

// jsonPage shows an answer of the API as it was sent.
type jsonPage struct{ Path, Text string }

var pages = view.Parse(templates, "templates/*.html")

// asJSON shows what the API answers to a path, to who looks.
func asJSON(r *view.Request) (view.Page, error) {
	path := r.QueryParam("path")
	page := view.Page{Title: "JSON", Templates: pages, Name: "json"}
	if !strings.HasPrefix(path, "/v1/") {
		return page, echo.NewHTTPError(http.StatusNotFound)
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
