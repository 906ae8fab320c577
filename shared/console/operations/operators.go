package operations

import (
	"net/url"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/opsread"
)

// keyPage is a page of keys, as the API answers it.
type keyPage = opsread.KeyPage

// operatorsPage is one tab of the operators' page.
type operatorsPage struct {
	Tab     string
	Failure *client.Problem
	// Next is the address of the next page.
	Next     string
	Log      api.OpsActionPage
	Keys     keyPage
	Settings opsread.Settings
	// Checks are those of /readyz; Ready is whether all passed.
	Ready  bool
	Checks []check
	Jobs   []Job
	// MayKeys says that the person may make and revoke keys here.
	MayKeys bool
	Token   string
}

// check is a check of /readyz.
type check struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	Cause string `json:"cause"`
}

// operators shows a tab: log, keys, settings, health or jobs.
func (p *Pages) operators(r *view.Request) (view.Page, error) {
	data := operatorsPage{Tab: r.QueryParam("tab"), MayKeys: r.May(access.KeysWrite) && p.jobs != nil, Token: r.FormToken}
	page := view.Page{Title: "Operators", Section: "Operators", Templates: templates, Name: "operators"}
	cursor := ""
	if c := r.QueryParam("cursor"); c != "" {
		cursor = "&cursor=" + url.QueryEscape(c)
	}
	var err error
	switch data.Tab {
	case "keys":
		page.Source = "/v1/ops/keys?limit=50" + cursor
		_, err = r.API.Get(r.Ctx(), page.Source, &data.Keys)
		data.Next = nextOf("keys", data.Keys.NextCursor)
	case "settings":
		page.Source = "/v1/ops/settings"
		_, err = r.API.Get(r.Ctx(), page.Source, &data.Settings)
	case "health":
		page.Source = "/readyz?verbose=true"
		err = data.health(r)
	case "jobs":
		data.Jobs = p.visible(r)
	default:
		data.Tab, page.Source = "log", "/v1/ops/log?limit=50"+cursor
		_, err = r.API.Get(r.Ctx(), page.Source, &data.Log)
		data.Next = nextOf("log", data.Log.NextCursor)
	}
	data.Failure = p.kit.Failed(r.Ctx(), err)
	page.Data = data
	return page, nil
}

// nextOf returns the address of the page of a tab at a cursor, empty without one.
func nextOf(tab, cursor string) string {
	if cursor == "" {
		return ""
	}
	return "/ui/operators?" + url.Values{"tab": {tab}, "cursor": {cursor}}.Encode()
}

// keyFormPage asks for what a new key may do.
type keyFormPage struct {
	Scopes []string
	Tenant string
	// AllTenants says that the person may make a key for all of them.
	AllTenants, Here bool
	Token            string
}

// keyForm shows the form of a new key, with the scopes that the person has.
func (p *Pages) keyForm(r *view.Request) (view.Page, error) {
	data := keyFormPage{Scopes: r.Scopes.Names(), Tenant: r.Tenant, AllTenants: r.AllTenants, Here: p.jobs != nil, Token: r.FormToken}
	return view.Page{Title: "Make an API key", Section: "Operators", Templates: templates, Name: "key-form", Data: data}, nil
}
