package reference

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/api"
	"passbook/shared/api/remedy"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

// problem is a problem type with its advice.
type problem struct {
	web.ProblemType
	remedy.Remedy
	// Document is an example of its document.
	Document string
}

// problemList returns all problem types by their codes.
func problemList() []problem {
	list := make([]problem, 0, len(api.ProblemTypes))
	for _, t := range api.ProblemTypes {
		of, _ := remedy.Of(t.Code)
		list = append(list, problem{ProblemType: t, Remedy: of, Document: indented(web.Refuse(t).Append(nil, "01a228d6"))})
	}
	slices.SortFunc(list, func(a, b problem) int { return strings.Compare(a.Code, b.Code) })
	return list
}

// problem shows what a problem type means. Its path is the type's URI, on the server that answered
// with it.
func (p *pages) problem(c echo.Context) (view.Page, error) {
	code := c.Param("code")
	page := view.Page{Title: "Problem types", Section: "API", Path: []view.Link{{Text: "API", Href: "/docs"}}, Templates: templates, Name: "problems", Data: p.problems}
	for _, t := range p.problems {
		if t.Code == code {
			page.Title, page.Name, page.Data = t.Title, "problem", t
			return page, nil
		}
	}
	page.Status = http.StatusNotFound
	return page, nil
}
