package account

import (
	"embed"
	"fmt"
	"net/url"
	"strconv"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.Parse(files, "templates/*.html")

const section = "Accounts"

// Pages makes the page of an account.
type Pages struct{ kit *view.Kit }

// Routes returns the page, its statement as a file, and the series that its slider reads.
func Routes(k *view.Kit) []web.Route {
	p := &Pages{k}
	const of = "/ui/accounts/{account_id}"
	return []web.Route{
		k.Get(of, access.AccountsRead, p.show),
		k.Get(of+"/statement.csv", access.AccountsRead, p.statement("csv")),
		k.Get(of+"/statement.xml", access.AccountsRead, p.statement("camt053")),
		k.Get(of+"/statement.html", access.AccountsRead, p.statement("html")),
		k.Get(of+"/series.json", access.AccountsRead, p.series),
	}
}

// tabs are the page's tabs, by their names in its address.
var tabs = []struct{ name, text string }{
	{"statement", "Statement"}, {"events", "Events"}, {"holds", "Holds"}, {"limit", "Limit"}, {"declines", "Declines"}, {"raw", "Raw"},
}

// place is what the page's address names: a moment, a window of the chart, a tab and a page of it.
type place struct {
	id      string
	tab     string
	version string
	at      string
	from    string
	to      string
	// before is the version below which the tab's page begins.
	before string
	amount string
}

func placeOf(r *view.Request) place {
	q := r.QueryParam
	at := place{id: r.Param("account_id"), tab: "statement", version: q("version"), at: q("at"), from: q("from"), to: q("to"), before: q("before"), amount: q("amount")}
	for _, t := range tabs {
		if t.name == q("tab") {
			at.tab = t.name
		}
	}
	if q("by") == "time" { // the form has both fields, and the button says which is meant
		at.version = ""
	} else if at.version != "" {
		at.at = ""
	}
	return at
}

// Path returns the page's path without its query.
func (p place) Path() string { return "/ui/accounts/" + url.PathEscape(p.id) }

// api returns a path below the account in the API.
func (p place) api(of string) string { return "/v1/accounts/" + url.PathEscape(p.id) + of }

// Version returns the version that the place names, empty for none.
func (p place) Version() string { return p.version }

// href returns the address of a place.
func (p place) href() string {
	q := url.Values{}
	for name, value := range map[string]string{"version": p.version, "at": p.at, "from": p.from, "to": p.to, "before": p.before} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if p.tab != "statement" {
		q.Set("tab", p.tab)
	}
	if len(q) == 0 {
		return p.Path()
	}
	return p.Path() + "?" + q.Encode()
}

// moment returns the place at a version, or now.
func (p place) moment(version int64) place {
	p.at, p.version, p.before = "", "", ""
	if version > 0 {
		p.version = strconv.FormatInt(version, 10)
	}
	return p
}

// tabLink is a tab in the line of tabs.
type tabLink struct {
	Text, Href, Count string
	On                bool
}

// page is what the template shows.
type page struct {
	ID   string
	Now  current
	Then balance
	// Past says that Then is of a version before the newest; Newer is how many came after it.
	Past  bool
	Newer int64
	// Event made Then's version.
	Event        *event
	Chart        *chart
	ChartFailure *client.Problem
	Tabs         []tabLink
	Tab          string
	Body         tab
	BodyFailure  *client.Problem
	Place        place
	May          rights
	// Back leads to the newest version, Whole to the chart of all versions.
	Back, Whole string
	// Files are the statement as files.
	Files []fileLink
}

// rights are what the person may have done to the account.
type rights struct{ Withdraw, Credit, Limit, Write, Operate bool }

// show shows an account.
func (p *Pages) show(r *view.Request) (view.Page, error) {
	at := placeOf(r)
	answer := view.Page{Title: at.id, Section: section, Path: []view.Link{{Text: section, Href: "/ui/accounts"}}, Templates: templates, Name: "account"}
	if r.QueryParam("fragment") == "account-head" { // what an open page asks for every other second
		data := page{}
		_, err := r.API.Get(r.Ctx(), at.api(""), &data.Now)
		answer.Data = data
		return answer, err
	}
	data, err := p.read(r, at)
	if err != nil {
		return answer, err
	}
	data.May = rights{
		Withdraw: r.May(access.MoneyWithdraw), Credit: r.May(access.MoneyCredit), Limit: r.May(access.LimitsWrite),
		Write: r.May(access.AccountsWrite), Operate: r.May(access.OpsRead),
	}
	answer.Data, answer.Source = data, data.Body.Source
	return answer, nil
}

// read reads what the page shows. Only without the account there is no page: what else fails stands
// in the place of its part.
func (p *Pages) read(r *view.Request, at place) (page, error) {
	ctx := r.Ctx()
	d := page{ID: at.id, Tab: at.tab, Place: at}
	if _, err := r.API.Get(ctx, at.api(""), &d.Now); err != nil {
		return d, err
	}
	var err error
	if d.Then, err = p.then(r, at, d.Now); err != nil {
		return d, err
	}
	d.Past, d.Newer = d.Then.Version < d.Now.Version, d.Now.Version-d.Then.Version
	if d.Past {
		at = at.withVersion(d.Then.Version)
		d.Place = at
	}
	if newest, err := lastEvent(r, at, d.Then.Version); err == nil {
		d.Event = newest
	}
	d.Back = at.moment(0).href()
	d.Files = at.files(d.Now.Version)
	d.Chart, err = readChart(r, at, d.Now, d.Then)
	d.ChartFailure = p.kit.Failed(ctx, err)
	whole := at
	whole.from, whole.to = "", ""
	d.Whole = whole.href()
	d.Body, err = readTab(r, at, d.Then)
	d.BodyFailure = p.kit.Failed(ctx, err)
	d.Tabs = tabLinks(at, d.Body)
	return d, nil
}

// withVersion returns the place with its moment as a version.
func (p place) withVersion(version int64) place {
	p.at, p.version = "", strconv.FormatInt(version, 10)
	return p
}

// fileLink leads to the statement as a file.
type fileLink struct{ Text, Href, Title string }

// files returns the statement as files, of the chart's versions where it is zoomed. head is the
// newest version.
func (p place) files(head int64) []fileLink {
	query, in := "", "All movements"
	if from, to := window(p, head); from != 1 || to != head {
		query, in = fmt.Sprintf("?from=%d&to=%d", from, to), "The movements of versions "+view.Count(from)+" to "+view.Count(to)
	}
	return []fileLink{
		{"CSV", p.Path() + "/statement.csv" + query, in + ", oldest first, for a spreadsheet"},
		{"camt.053", p.Path() + "/statement.xml" + query, in + ", as a message of ISO 20022"},
		{"Print", p.Path() + "/statement.html" + query, in + ", on pages to print"},
	}
}

func tabLinks(at place, b tab) (links []tabLink) {
	for _, t := range tabs {
		l := tabLink{Text: t.text, On: t.name == at.tab}
		if n := map[string]int64{"holds": b.HoldCount, "declines": b.DeclineCount}[t.name]; n > 0 {
			l.Count = view.Count(n)
		}
		to := at
		to.tab, to.before, to.amount = t.name, "", ""
		l.Href = to.href() + "#tabs"
		links = append(links, l)
	}
	return links
}
