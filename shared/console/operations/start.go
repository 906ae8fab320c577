package operations

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"passbook/shared/access/apikey"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

// errNothing is the refusal of a form that asks for nothing that there is.
var errNothing = errors.New("the form asks for nothing that can be done here: begin at the page again")

// keyMost is how long a page waits for a key to be stored.
const keyMost = 10 * time.Second

// refused returns the page of an order that is not begun.
func refused(a action, err error) view.Page {
	title := a.Title
	if title == "" {
		title = "Not done"
	}
	return view.Page{Title: title, Section: a.Section, Templates: templates, Name: "refused", Status: http.StatusUnprocessableEntity, Data: struct {
		Title, Fault, Back string
	}{title, err.Error(), a.Back}}
}

// start has an order done, and leads to its job.
func (p *Pages) start(r *view.Request) (view.Page, error) {
	a, o, f, err := asked(r)
	if err != nil {
		return refused(a, err), nil
	}
	page := checkPage{action: a, order: o, Line: o.line(), Token: r.FormToken, Fields: fieldsOf(f), Reason: f.Get("reason")}
	if a.Danger && f.Get("word") != o.Word {
		page.Fault = "Type " + o.Word + " to confirm. Nothing was done."
		return checked(page, http.StatusUnprocessableEntity), nil
	}
	if a.Job == "key-revoke" && !r.AllTenants {
		if err := p.ownKey(r, f.Get("id")); err != nil {
			return refused(a, err), nil
		}
	}
	var made apikey.New
	if a.Job == "key-create" {
		made = apikey.Generate()
		o.Params["id"], o.Params["sum"] = made.ID, made.Sum
	}
	params, err := o.text(false)
	if err != nil {
		return view.Page{}, err
	}
	job, err := p.jobs.Start(r.Ctx(), Order{Job: a.Job, Actor: r.Actor, Reason: page.Reason, Tenant: o.Tenant, Params: params})
	if err != nil {
		page.Fault = err.Error()
		return checked(page, http.StatusConflict), nil
	}
	if a.Job == "key-create" {
		return p.madeKey(r, job, made), nil
	}
	return view.Page{Redirect: "/ui/jobs/" + job.ID}, nil
}

// ownKey reports why a person may not revoke a key, or nil: it must be one that the API shows.
func (p *Pages) ownKey(r *view.Request, id string) error {
	for path := "/v1/ops/keys"; path != ""; {
		var page keyPage
		if _, err := r.API.Get(r.Ctx(), path, &page); err != nil {
			return err
		}
		for _, k := range page.Keys {
			if k.ID == id {
				return nil
			}
		}
		if path = ""; page.NextCursor != "" {
			path = "/v1/ops/keys?cursor=" + page.NextCursor
		}
	}
	return fmt.Errorf("no key %s is of your tenant", id)
}

// keyMade shows a key once.
type keyMade struct {
	// Text is the key; Unknown says that it is not known whether it was stored.
	Text, ID string
	Unknown  bool
	Base     string
	Failure  *client.Problem
}

// madeKey shows a key that was made, as nobody can show it again.
func (p *Pages) madeKey(r *view.Request, job Job, made apikey.New) view.Page {
	job = p.await(r.Ctx(), job, keyMost)
	data := keyMade{Text: made.Text, ID: made.ID, Unknown: !job.Ended(), Base: r.Base(http.MethodGet, "/v1/accounts")}
	if job.Ended() && job.State != "done" {
		data.Text, data.Failure = "", &client.Problem{Status: http.StatusBadGateway, Title: "The key was not made", Detail: job.Error}
	}
	return view.Page{Title: "A new key", Section: "Operators", Templates: templates, Name: "key-made", Data: data}
}

// indented returns JSON with a member a line.
func indented(text json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}
