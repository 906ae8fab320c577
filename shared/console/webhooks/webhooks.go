package webhooks

import (
	"embed"
	"net/url"
	"slices"
	"time"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.Parse(files, "templates/*.html")

// section is the entry of the navigation.
const section = "Webhooks"

// listPath is the address of the list.
const listPath = "/ui/webhooks"

// Pages makes the pages.
type Pages struct{ kit *view.Kit }

// Routes returns the routes of the pages.
func Routes(k *view.Kit) []web.Route {
	p := &Pages{k}
	return []web.Route{k.Get(listPath, access.WebhooksRead, p.list), k.Get(listPath+"/{webhook_id}", access.WebhooksRead, p.one)}
}

// endpoint is a webhook, as the API has it.
type endpoint struct {
	ID          string    `json:"webhook_id"`
	URL         string    `json:"url"`
	Description string    `json:"description"`
	Types       []string  `json:"types"`
	Accounts    []string  `json:"accounts"`
	State       string    `json:"state"`
	Cause       string    `json:"cause"`
	Since       time.Time `json:"since"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"`
	Secrets     []struct {
		ID        string    `json:"secret_id"`
		CreatedAt time.Time `json:"created_at"`
		ExpiresAt time.Time `json:"expires_at"`
	} `json:"secrets"`
}

// row is how far an account is, as the API has it.
type row struct {
	AccountID     string    `json:"account_id"`
	State         string    `json:"state"`
	Next          int64     `json:"next_version"`
	Seen          int64     `json:"seen_version"`
	Attempts      int64     `json:"attempts"`
	LastError     string    `json:"last_error"`
	NextAttemptAt time.Time `json:"next_attempt_at"`
	DeliveredAt   time.Time `json:"delivered_at"`
	DeadAt        time.Time `json:"dead_at"`
}

// listPage is the list of webhooks.
type listPage struct {
	Webhooks []endpoint
	Failure  *client.Problem
}

// list shows the webhooks of the tenant.
func (p *Pages) list(r *view.Request) (view.Page, error) {
	var data listPage
	const path = "/v1/webhooks"
	_, err := r.API.Get(r.Ctx(), path, &data)
	data.Failure = p.kit.Failed(r.Ctx(), err)
	return view.Page{Title: section, Section: section, Templates: templates, Name: "webhooks", Data: data, Source: path}, nil
}

// states are the tabs of a webhook.
var states = []string{"pending", "dead", "delivered"}

// onePage is a webhook with a page of its deliveries.
type onePage struct {
	endpoint
	Tabs       []tab
	Tab        string
	Deliveries []row
	Failure    *client.Problem
	// Next is the address of the next page, First whether this is the first.
	Next  string
	First bool
}

// tab is a state that can be looked at.
type tab struct {
	Name, Href string
	On         bool
}

// one shows a webhook, and how far the accounts of a state are.
func (p *Pages) one(r *view.Request) (view.Page, error) {
	page := view.Page{Title: "Webhook", Section: section, Templates: templates, Name: "webhook", Path: []view.Link{{Text: section, Href: listPath}}}
	id := r.Param("webhook_id")
	state := r.QueryParam("state")
	if !slices.Contains(states, state) {
		state = states[0]
	}
	data := onePage{Tab: state, First: r.QueryParam("cursor") == ""}
	own := "/v1/webhooks/" + url.PathEscape(id)
	if _, err := r.API.Get(r.Ctx(), own, &data.endpoint); err != nil {
		return page, err
	}
	query := url.Values{"state": {state}, "limit": {"50"}}
	if !data.First {
		query.Set("cursor", r.QueryParam("cursor"))
	}
	page.Source = own + "/deliveries?" + query.Encode()
	var answer struct {
		Deliveries []row  `json:"deliveries"`
		NextCursor string `json:"next_cursor"`
	}
	_, err := r.API.Get(r.Ctx(), page.Source, &answer)
	data.Deliveries, data.Failure = answer.Deliveries, p.kit.Failed(r.Ctx(), err)
	here := listPath + "/" + url.PathEscape(id)
	for _, name := range states {
		data.Tabs = append(data.Tabs, tab{name, here + "?state=" + name, name == state})
	}
	if answer.NextCursor != "" {
		data.Next = here + "?" + url.Values{"state": {state}, "cursor": {answer.NextCursor}}.Encode()
	}
	page.Data = data
	return page, nil
}
