package reference

import (
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/console/view"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.Parse(files, "templates/*.html")

// pages are the pages of the reference, made once from the contract.
type pages struct {
	document   document
	operations []operation
	problems   []problem
	alone      bool // without the console's pages
	kit        *view.Kit
}

// Routes returns the pages of the API, its problem types, and, with the console's other pages, the
// answers to what is tried.
func Routes(k *view.Kit) []web.Route {
	d, operations, err := readContract()
	if err != nil {
		panic(err) // the contract is compiled in
	}
	p := &pages{d, operations, problemList(), k.Alone(), k}
	routes := []web.Route{
		k.Open("/docs", p.index), k.Open("/docs/{operation}", p.operation), k.Open("/problems/{code}", p.problem),
	}
	if p.alone {
		return routes
	}
	return append(routes, k.Get("/ui/try/{operation}", 0, p.try))
}

// group is a part of the list of operations.
type group struct {
	Title, About string
	Operations   []operation
}

// groups divides the operations by what they are for. The tags name the services that serve them.
func (p *pages) groups() []group {
	all := []group{
		{Title: "Commands", About: "Each is decided on the account's own history, and answered once it is durable. Each needs an Idempotency-Key."},
		{Title: "Queries", About: "Answers from read models, or for a version or a time from the history itself."},
		{Title: "Operations", About: "What operators read of a running bank, and its jobs."},
		{Title: "Process", About: "What each process says of itself, without credentials but for the metrics."},
	}
	for _, o := range p.operations {
		switch {
		case slices.Contains(o.Scopes, "ops:read"), strings.HasPrefix(o.Path, "/ops/"):
			all[2].Operations = append(all[2].Operations, o)
		case o.Method != http.MethodGet:
			all[0].Operations = append(all[0].Operations, o)
		case slices.Contains(o.Tags, "process"):
			all[3].Operations = append(all[3].Operations, o)
		default:
			all[1].Operations = append(all[1].Operations, o)
		}
	}
	return slices.DeleteFunc(all, func(g group) bool { return len(g.Operations) == 0 })
}

// indexData is what the first page shows.
type indexData struct {
	Document document
	Groups   []group
	Problems []problem
	// Key is the header with a key, none where the bank asks for none.
	Key string
	// Opens, Withdraws and Reads are where the calls of the example are taken.
	Opens, Withdraws, Reads string
}

// indexOf returns what the first page shows to who asks.
func (p *pages) indexOf(c echo.Context) indexData {
	key := ""
	if p.kit.Keyed() {
		key = ` -H "Authorization: Bearer $PASSBOOK_KEY"`
	}
	return indexData{
		p.document, p.groups(), p.problems, key,
		p.kit.Base(c, http.MethodPost, "/v1/accounts"), p.kit.Base(c, http.MethodPost, "/v1/accounts/A-1/withdrawals"), p.kit.Base(c, http.MethodGet, "/v1/accounts/A-1/balance"),
	}
}

// index shows the list of operations and problem types.
func (p *pages) index(c echo.Context) (view.Page, error) {
	return view.Page{
		Title: "API", Section: "API", Templates: templates, Name: "docs",
		Data: p.indexOf(c),
	}, nil
}

// operationData is what the page of an operation shows.
type operationData struct {
	operation
	// Tryable says that it can be called from its page. Form is the console's form of a command.
	Tryable          bool
	Form             string
	Curl, Go, Python string
	Values           url.Values
}

// operation shows an operation, with examples and a form to try it.
func (p *pages) operation(c echo.Context) (view.Page, error) {
	page := view.Page{Title: "API", Section: "API", Path: []view.Link{{Text: "API", Href: "/docs"}}, Templates: templates}
	o, known := p.byID(c.Param("operation"))
	if !known {
		page.Name, page.Status, page.Data = "docs", http.StatusNotFound, p.indexOf(c)
		return page, nil
	}
	data := describe(o, p.kit.Base(c, o.Method, o.Path), nil, p.kit.Keyed())
	if p.alone {
		data.Tryable, data.Form = false, ""
	}
	page.Title, page.Name, page.Data = o.Summary, "operation", data
	return page, nil
}

// byID returns the operation of an id.
func (p *pages) byID(id string) (operation, bool) {
	i := slices.IndexFunc(p.operations, func(o operation) bool { return o.OperationID == id })
	if i < 0 {
		return operation{}, false
	}
	return p.operations[i], true
}

// describe returns what a page shows of an operation.
func describe(o operation, base string, values url.Values, keyed bool) operationData {
	d := operationData{operation: o, Tryable: tryable(o), Values: values}
	if o.Method != http.MethodGet {
		d.Form = forms[o.OperationID]
	}
	d.Curl, d.Go, d.Python = examples(o, base, keyed)
	return d
}

// forms are the console's forms of commands.
var forms = map[string]string{
	"openAccount": "/ui/change/open", "withdraw": "/ui/change/withdraw", "credit": "/ui/change/credit", "placeHold": "/ui/change/hold",
	"captureHold": "/ui/change/capture", "releaseHold": "/ui/change/release", "transfer": "/ui/change/transfer",
	"reverseCredit": "/ui/change/reverse-credit", "reverseWithdrawal": "/ui/change/reverse-withdrawal", "setCreditLimit": "/ui/change/limit",
	"freeze": "/ui/change/freeze", "unfreeze": "/ui/change/unfreeze", "close": "/ui/change/close",
}

// tryable reports whether an operation is a read of one answer.
func tryable(o operation) bool {
	return o.Method == http.MethodGet && strings.HasPrefix(o.Path, "/v1/") && o.OperationID != "readFeed" && !strings.HasSuffix(o.Path, "/download")
}

// Inputs returns the parameters that a form asks for: the required ones, or the others.
func (o operation) Inputs(required bool) []parameter {
	return slices.DeleteFunc(slices.Clone(o.Parameters), func(p parameter) bool { return p.In == "header" || p.Required != required })
}

// triedData is what a tried operation answered.
type triedData struct {
	operationData
	Path, Text string
}

// try calls an operation as the person who is signed in, and shows the answer.
func (p *pages) try(r *view.Request) (view.Page, error) {
	o, known := p.byID(r.Param("operation"))
	page := view.Page{Title: o.Summary, Section: "API", Path: []view.Link{{Text: "API", Href: "/docs"}}, Templates: templates, Name: "tried"}
	if !known || !tryable(o) {
		page.Redirect = "/docs"
		return page, nil
	}
	path := filled(o, r.QueryParams())
	data := triedData{operationData: describe(o, r.Base(o.Method, o.Path), r.QueryParams(), p.kit.Keyed()), Path: path}
	answer, err := r.API.Get(r.Ctx(), path, nil)
	if answer == nil {
		return page, err // a refusal is an answer too
	}
	data.Text = indented(answer.Body)
	page.Data, page.Source = data, path
	return page, nil
}

// filled returns the path of an operation with values in it.
func filled(o operation, values url.Values) string {
	path, query := o.Path, url.Values{}
	for _, p := range slices.Concat(o.Inputs(true), o.Inputs(false)) {
		value := strings.TrimSpace(values.Get(p.Name))
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
		case value != "":
			query.Set(p.Name, value)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}
