package view

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/session"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// makeMost bounds the making of a page, with all calls of the API for it.
const makeMost = 45 * time.Second

// Environment says which bank a person looks at.
type Environment struct {
	// Kind is embedded, emulator or aws, and Where its path, endpoint, or account and region.
	Kind, Where string
	// Name is what people call it, empty if it has no name.
	Name string
	// Production marks a bank whose money is real.
	Production bool
}

// Config configures a Kit. Pages and API are required.
type Config struct {
	Pages       *session.Pages
	API         *client.Client
	Environment Environment
	Version     string
	// Log gets what failed while a page was made; nil is slog.Default.
	Log *slog.Logger
	// Alone says that the console is served elsewhere: pages have no navigation and no search.
	Alone bool
	// Bases returns the address at which a call of the API is taken, empty where it is not known;
	// nil: at that of the page, as the browser sees it.
	Bases func(method, path string) string
	// Ending is done when the server begins to end, so that pages are told; nil never is.
	Ending context.Context
}

// Kit makes pages. It may be used concurrently.
type Kit struct{ config Config }

// NewKit returns a kit.
func NewKit(c Config) *Kit {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Ending == nil {
		c.Ending = context.Background()
	}
	return &Kit{c}
}

// Request is a request for a page by somebody who is signed in.
type Request struct {
	echo.Context
	session.Visit
	// API calls the bank as that person.
	API *client.Client
	kit *Kit
}

// Ctx returns the request's context.
func (r *Request) Ctx() context.Context { return r.Request().Context() }

// May reports whether the person has scopes.
func (r *Request) May(s access.Scopes) bool { return r.Scopes.Has(s) }

// Base returns the address at which a call of the API is taken, for curl.
func (r *Request) Base(method, path string) string { return r.kit.Base(r.Context, method, path) }

// Page is what a page shows.
type Page struct {
	// Title is the page's, and Section the entry of the navigation that it belongs to.
	Title, Section string
	// Path leads here: the pages above, the topmost first.
	Path []Link
	// Templates has the template Name, which gets Data.
	Templates *Templates
	Name      string
	Data      any
	// CSV is the address of the page as a file, empty for none.
	CSV string
	// Source is the path of the API that answers what the page shows, for "JSON" and "curl"; empty
	// for none.
	Source string
	// Status is 200 if it is 0. With a Redirect the browser is sent there instead.
	Status   int
	Redirect string
}

// Link is a text that leads to an address.
type Link struct{ Text, Href string }

// Get returns the route of a page, below /ui, for people with scopes. An error of show is shown in
// the page's place.
func (k *Kit) Get(path string, scopes access.Scopes, show func(r *Request) (Page, error)) web.Route {
	return k.route(http.MethodGet, path, scopes, show)
}

// Post returns the route that takes a page's form, from a page of the same session only.
func (k *Kit) Post(path string, scopes access.Scopes, do func(r *Request) (Page, error)) web.Route {
	return k.route(http.MethodPost, path, scopes, do)
}

func (k *Kit) route(method, path string, scopes access.Scopes, show func(r *Request) (Page, error)) web.Route {
	return k.config.Pages.Route(method, path, k.config.Pages.Page(scopes, func(c echo.Context, v session.Visit) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), makeMost)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		r := &Request{Context: c, Visit: v, API: k.config.API.As(v.Bearer), kit: k}
		page, err := show(r)
		if err != nil {
			page = k.failed(r, page, err)
		}
		if c.Response().Committed { // with a file, say
			return nil
		}
		if page.Redirect != "" {
			return c.Redirect(http.StatusSeeOther, page.Redirect)
		}
		return k.show(r, page)
	}))
}

// failed returns the page that stands for one that could not be made.
func (k *Kit) failed(r *Request, page Page, err error) Page {
	failure := k.Failed(r.Ctx(), err)
	page.Templates, page.Name, page.Data = own, "failed-page", failure
	page.Status = failure.Status
	if page.Title == "" {
		page.Title = failure.Title
	}
	return page
}

// Failed returns an error as the partial "failed" shows it, nil for none. What is no refusal of the
// API is logged.
func (k *Kit) Failed(ctx context.Context, err error) *client.Problem {
	var p *client.Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	}
	k.config.Log.WarnContext(ctx, "a part of a page could not be made", "error", err)
	return unanswered(err, telemetry.Correlation(ctx))
}

// unanswered returns what happened where the API gave no answer: a call took too long, a call
// failed, or the answer was not what the page reads.
func unanswered(err error, correlation string) *client.Problem {
	const log = " The log of this process has the cause under the correlation id."
	p := &client.Problem{
		Status: http.StatusInternalServerError, Title: "This part could not be made", CorrelationID: correlation,
		Detail: "The bank answered, but not what this part is made of." + log,
	}
	var call *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		p.Status, p.Title = http.StatusGatewayTimeout, "The bank took too long to answer"
		p.Detail = "The call behind this part was given up. What it asked for may still happen: look before you send a command again, with the same key." + log
	case errors.Is(err, context.Canceled):
		p.Status, p.Title = http.StatusServiceUnavailable, "The call was given up"
		p.Detail = "The browser left, or this process is ending. Load the page again."
	case errors.As(err, &call):
		p.Status, p.Title = http.StatusBadGateway, "The bank did not answer"
		p.Detail = "The call behind this part failed before there was an answer." + log
	}
	return p
}

// frame is what the layout shows around a page.
type frame struct {
	Page
	Visit       session.Visit
	Environment Environment
	Version     string
	Navigation  [][]entry
	// Base is the address at which the page's source is answered, for curl.
	Base string
	// Search is what was searched for.
	Search string
	// Dev says that nobody signs in.
	Dev bool
}

// entry is an entry of the navigation.
type entry struct {
	Link
	Current bool
}

// navigation are the pages, in groups without a label.
var navigation = [][]Link{
	{{"Overview", "/ui/"}, {"Accounts", "/ui/accounts"}, {"Live", "/ui/live"}},
	{{"Pipeline", "/ui/pipeline"}, {"Archive", "/ui/archive"}, {"Replay", "/ui/replay"}, {"Audit", "/ui/audit"}, {"Quarantine", "/ui/quarantine"}, {"Webhooks", "/ui/webhooks"}},
	{{"Operators", "/ui/operators"}, {"API", "/docs"}},
}

// entries returns the navigation with the current entry marked.
func (k *Kit) entries(section string) (all [][]entry) {
	if k.config.Alone {
		return nil
	}
	for _, group := range navigation {
		var some []entry
		for _, l := range group {
			some = append(some, entry{l, l.Text == section})
		}
		all = append(all, some)
	}
	return all
}

// show answers with a page. With the parameter fragment it answers with that template of the page
// alone, which the browser puts in the place of the one that it has.
func (k *Kit) show(r *Request, page Page) error {
	protect(r.Response().Header())
	status := max(page.Status, http.StatusOK)
	if fragment := r.QueryParam("fragment"); fragment != "" && status == http.StatusOK && page.Templates.has(fragment) {
		text, err := page.Templates.Fragment(fragment, page.Data)
		if err != nil {
			return err
		}
		return r.HTMLBlob(status, text)
	}
	text, err := page.Templates.execute(frame{
		Page: page, Visit: r.Visit, Environment: k.config.Environment, Version: k.config.Version, Navigation: k.entries(page.Section),
		Base: r.Base(http.MethodGet, page.Source), Search: r.QueryParam("q"), Dev: r.Bearer == "",
	})
	if err != nil {
		return err
	}
	return r.HTMLBlob(status, text)
}

// Keyed reports whether callers of the API need a key or a token.
func (k *Kit) Keyed() bool { return k.config.Pages.Keyed() }

// Base returns the address at which a call of the API is taken, for examples.
func (k *Kit) Base(c echo.Context, method, path string) string {
	if k.config.Bases != nil {
		path, _, _ = strings.Cut(path, "?")
		if at := k.config.Bases(method, path); at != "" {
			return at
		}
	}
	return c.Scheme() + "://" + c.Request().Host
}

// policy is the Content-Security-Policy of the console: scripts and styles from files of the
// console alone.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// protect sets the headers of a page.
func protect(h http.Header) {
	session.Protect(h)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
}

// Alone reports whether the console is served elsewhere.
func (k *Kit) Alone() bool { return k.config.Alone }

// Open returns the route of a page that is open to everybody, such as /docs.
func (k *Kit) Open(path string, show func(c echo.Context) (Page, error)) web.Route {
	return k.config.Pages.Route(http.MethodGet, path, func(c echo.Context) error {
		page, err := show(c)
		if err != nil {
			return err
		}
		return k.show(&Request{Context: c, Visit: session.Visit{Principal: access.Nobody}, kit: k}, page)
	})
}

// Local returns a path within the console that a form was given to return to, or other.
func Local(path, other string) string {
	if strings.HasPrefix(path, "/ui/") && !strings.ContainsAny(path, "\\\r\n") {
		return path
	}
	return other
}
