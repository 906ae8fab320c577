package reference

import (
	_ "embed" // for the causes
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	"passbook/shared/api"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

//go:embed problems.yaml
var causesYAML []byte

// advice is what causes a problem, and what to do.
type advice struct {
	Cause string `yaml:"cause"`
	Fix   string `yaml:"fix"`
}

// causes has the advice for each code. A code without one fails the package's test.
var causes = func() map[string]advice {
	all := map[string]advice{}
	if err := yaml.Unmarshal(causesYAML, &all); err != nil {
		panic(fmt.Sprintf("reference: read the causes of problems: %v", err)) // they are compiled in
	}
	return all
}()

// problem is a problem type with its advice.
type problem struct {
	web.ProblemType
	advice
	// Document is an example of its document.
	Document string
}

// problemList returns all problem types by their codes.
func problemList() []problem {
	list := make([]problem, 0, len(api.ProblemTypes))
	for _, t := range api.ProblemTypes {
		list = append(list, problem{ProblemType: t, advice: causes[t.Code], Document: indented(web.Refuse(t).Append(nil, "01a228d6"))})
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
