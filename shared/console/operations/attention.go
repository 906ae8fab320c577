package operations

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"passbook/shared/access"
	"passbook/shared/api/pipeline"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/event"
)

// pipelineSource is the path of what needs attention.
const pipelineSource = "/v1/ops/pipeline"

// attentionPage is one thing that needs attention, with what to do.
type attentionPage struct {
	// One is what is looked at; nil if it is over.
	One     *pipeline.Attention
	Failure *client.Problem
	// Accounts are those that are affected, as far as they are known by name. More counts those
	// that have no room.
	Accounts []affected
	More     int
	// Get is the path of the API that shows more, in the place of a command line.
	Get string
	// Do are the forms that begin what repairs it, here.
	Do        []step
	May, Here bool
	Token     string
	Base      string
	Dev       bool
}

// affected is an account; Href leads to it where it is of the person's own tenant.
type affected struct{ Tenant, ID, Href string }

// step is a form that leads to the check of an action.
type step struct {
	Do, Text string
	With     map[string]any
}

// maxAffected bounds the accounts of a page.
const maxAffected = 20

// attention shows one thing that needs attention: its cause, whom it affects, and what to do.
func (p *Pages) attention(r *view.Request) (view.Page, error) {
	data := attentionPage{May: r.May(access.OpsWrite), Here: p.jobs != nil, Token: r.FormToken, Dev: r.Bearer == ""}
	page := view.Page{Title: "Needs attention", Section: "Overview", Templates: templates, Name: "attention-item", Source: pipelineSource}
	var answer struct {
		Attention []pipeline.Attention `json:"needs_attention"`
	}
	_, err := r.API.Get(r.Ctx(), pipelineSource, &answer)
	data.Failure = p.kit.Failed(r.Ctx(), err)
	for _, one := range answer.Attention {
		if one.ID == r.QueryParam("id") {
			data.One = &one
			data.Get, _ = strings.CutPrefix(one.Command, "GET ")
			data.Base = r.Base(http.MethodGet, data.Get)
			if data.Get == one.Command {
				data.Get = ""
			}
			data.Do = steps(one, r)
			data.name(p.affectedBy(r, one), r)
		}
	}
	page.Data = data
	return page, nil
}

// affectedBy returns the accounts of an item. Those of an audit are in its result, which this
// process has if it ran it: the job that ran when the audit was recorded.
func (p *Pages) affectedBy(r *view.Request, one pipeline.Attention) (list []event.Account) {
	for _, a := range one.Accounts {
		list = append(list, event.Account{Tenant: a.Tenant, ID: a.AccountID})
	}
	if one.Kind != "audit" {
		return list
	}
	known := map[event.Account]bool{}
	for _, j := range p.visible(r, "audit") {
		if j.FinishedAt == nil || j.FinishedAt.Before(one.Since.Time) || one.Since.Before(j.StartedAt.Truncate(time.Microsecond)) {
			continue
		}
		o := outcomeOf(r, j)
		if o == nil || o.Report == nil {
			continue
		}
		for _, f := range o.Report.Findings {
			if a, ok := event.ParseAccount(f.Account); ok && !known[a] {
				known[a] = true
				list = append(list, a)
			}
		}
		break
	}
	return list
}

// name puts the first accounts of a list on the page.
func (d *attentionPage) name(list []event.Account, r *view.Request) {
	for _, a := range list[:min(len(list), maxAffected)] {
		one := affected{Tenant: a.Tenant, ID: a.ID}
		if a.Tenant == r.Tenant {
			one.Href = "/ui/accounts/" + url.PathEscape(a.ID)
		}
		d.Accounts = append(d.Accounts, one)
	}
	d.More = len(list) - len(d.Accounts)
}

// steps returns what can be begun here about an item.
func steps(one pipeline.Attention, r *view.Request) []step {
	switch {
	case one.Kind == "blocked" && len(one.Accounts) == 1:
		return []step{{"redrive", "Redrive", map[string]any{"account": one.Accounts[0].AccountID, "tenant": one.Accounts[0].Tenant}}}
	case one.Kind == "blocked":
		return []step{{"clear", "Clear the record", map[string]any{"record": one.Subject}}}
	case one.Kind == "audit" || one.Kind == "hole":
		of := map[string]any{}
		if !r.AllTenants {
			of["tenant"] = r.Tenant
		}
		plain := step{"audit", "Audit", of}
		if one.DryRun == "" {
			return []step{plain}
		}
		repair := map[string]any{"repair": "yes"}
		for name, value := range of {
			repair[name] = value
		}
		return []step{plain, {"audit", "Audit and repair", repair}}
	}
	return nil
}
