package operations

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/audit"
	"passbook/shared/console/view"
	"passbook/shared/event"
	"passbook/shared/web"
)

// jobPage shows a job while it runs and after.
type jobPage struct {
	Job
	Share   float64
	Outcome *outcome
	Token   string
	May     bool
	// Back leads to the page that the job belongs to.
	Back, Section string
	// Next is what follows a job that ended well.
	Next *next
}

// next is a form that leads to the next step.
type next struct {
	Do, Model, Text string
}

// section returns the page that a job belongs to.
func section(job string) (name, back string) {
	for _, a := range actions {
		if a.Job == job {
			return a.Section, strings.Split(a.Back, "?")[0]
		}
	}
	return "Operators", "/ui/operators"
}

// job shows a job.
func (p *Pages) job(r *view.Request) (view.Page, error) {
	job, known := p.jobs.Get(r.Param("job"))
	if !known || !sees(r, job) {
		return view.Page{Title: "Job"}, echo.NewHTTPError(404)
	}
	data := jobPage{Job: job, Token: r.FormToken, Outcome: outcomeOf(r, job), May: r.May(actions["audit"].Scopes)}
	data.Section, data.Back = section(job.Name)
	if job.Progress.Total > 0 {
		data.Share = float64(job.Progress.Done) / float64(job.Progress.Total)
	}
	if o := data.Outcome; o != nil && job.State == "done" && data.May && !o.DryRun {
		data.Next = following(job.Name, o)
	}
	return view.Page{Title: "Job " + job.Name, Section: data.Section, Path: []view.Link{{Text: data.Section, Href: data.Back}}, Templates: templates, Name: "job", Data: data}, nil
}

// following returns what an operator does after a job.
func following(job string, o *outcome) *next {
	switch {
	case job == "rebuild":
		return &next{"promote", o.Model, "Compare and promote"}
	case job == "promote" && o.Back:
		return &next{"discard", o.Model, "Discard the other generation"}
	case job == "promote":
		return &next{"back", o.Model, "Go back"}
	}
	return nil
}

// cancel asks a job to stop.
func (p *Pages) cancel(r *view.Request) (view.Page, error) {
	id := r.Param("job")
	if job, known := p.jobs.Get(id); !known || !sees(r, job) {
		return view.Page{}, web.Refuse(web.RouteNotFound)
	}
	p.jobs.Cancel(id)
	return view.Page{Redirect: "/ui/jobs/" + id}, nil
}

// outcome is the result of a job, of whichever kind it is.
type outcome struct {
	Model      string `json:"model"`
	Generation int64  `json:"generation"`
	Live       int64  `json:"live"`
	Candidate  int64  `json:"candidate"`
	Equal      int64  `json:"equal"`
	Ahead      int64  `json:"ahead"`
	Promoted   bool   `json:"promoted"`
	Back       bool   `json:"back"`
	DryRun     bool   `json:"dry_run"`
	Events     int64  `json:"events"`
	Accounts   int64  `json:"accounts"`
	Segments   int    `json:"segments"`
	Bytes      int64  `json:"bytes"`
	// Faults are the differences that rebuild or promote found.
	Faults  faults   `json:"faults"`
	Gaps    []string `json:"gaps"`
	Blocked []string `json:"blocked"`
	// Redriven and Records are of redrive and clear.
	Redriven []string `json:"redriven"`
	// Report is that of an audit.
	Report *audit.Report `json:"-"`
	// States is that of a fold of all accounts up to a time; nil for a person who may not see it.
	States *states `json:"-"`
	// Text is the whole result.
	Text string `json:"-"`
}

// faults are differences; both forms of their names are read.
type faults struct {
	Count int64
	List  []struct {
		Account json.RawMessage
		Version int64
		What    string
		Values  []bothValues
	}
}

// bothValues are those of an attribute in which two rows differ.
type bothValues struct{ Name, Live, Candidate string }

// valueMembers are the members of a result that have what is on accounts.
var valueMembers = []string{"Values", "expected", "found"}

// withoutValues returns a result without what is on accounts of other tenants than one, for people
// who may read the accounts of that one; empty: of any tenant.
func withoutValues(result json.RawMessage, but string) json.RawMessage {
	var all any
	decoder := json.NewDecoder(bytes.NewReader(result))
	decoder.UseNumber() // an amount may be more than a float has digits for
	if decoder.Decode(&all) != nil {
		return nil
	}
	var strip func(any)
	strip = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			if difference := v["what"] != nil || v["What"] != nil; difference && (but == "" || tenantOf(v) != but) {
				for _, name := range valueMembers {
					delete(v, name)
				}
			}
			for _, member := range v {
				strip(member)
			}
		case []any:
			for _, one := range v {
				strip(one)
			}
		}
	}
	strip(all)
	text, err := json.Marshal(all)
	if err != nil { // it was JSON before
		return nil
	}
	return text
}

// tenantOf returns the tenant of a difference, empty where it names no account.
func tenantOf(difference map[string]any) string {
	if of, ok := difference["Account"].(map[string]any); ok {
		tenant, _ := of["Tenant"].(string)
		return tenant
	}
	text, _ := difference["account"].(string)
	a, _ := event.ParseAccount(text)
	return a.Tenant
}

// outcomeOf returns the result of a job as a person may see it; nil if it has none.
func outcomeOf(r *view.Request, j Job) *outcome {
	if len(j.Result) == 0 {
		return nil
	}
	if j.Name == "states" { // its accounts are in a table and a file
		return &outcome{States: statesOf(r, j)}
	}
	switch {
	case !r.May(access.AccountsRead):
		j.Result = withoutValues(j.Result, "")
	case j.Tenant != r.Tenant: // an operator of all tenants reads the accounts of one
		j.Result = withoutValues(j.Result, r.Tenant)
	}
	o := &outcome{Text: indented(j.Result)}
	if j.Name == "audit" {
		o.Report = new(audit.Report)
		if json.Unmarshal(j.Result, o.Report) != nil {
			o.Report = nil
		}
		return o
	}
	_ = json.Unmarshal(j.Result, o) // the text shows what has another form
	return o
}

// accountOf returns the account of a difference.
func accountOf(text json.RawMessage) string {
	var a struct{ Tenant, ID string }
	if json.Unmarshal(text, &a) == nil && a.ID != "" {
		return a.Tenant + "#" + a.ID
	}
	var s string
	if json.Unmarshal(text, &s) == nil {
		return s
	}
	return string(text)
}

// Shown returns the first differences for people.
func (f faults) Shown() (list []difference) {
	for _, one := range f.List[:min(len(f.List), maxShown)] {
		list = append(list, difference{accountOf(one.Account), one.Version, one.What, one.Values})
	}
	return list
}

// difference is a difference of two rows of an account.
type difference struct {
	Account string
	Version int64
	What    string
	Values  []bothValues
}
