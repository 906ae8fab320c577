package operations

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"passbook/shared/console/view"
)

const (
	// dryMost is how long a page waits for a dry run; a longer one is a job to look at.
	dryMost = 5 * time.Second
	// pollEvery is how often the state of a job is looked at.
	pollEvery = 25 * time.Millisecond
)

// checkPage shows an order before it is sent.
type checkPage struct {
	action
	order
	Line string
	// Fields are those of the form, which are sent again.
	Fields []field
	Token  string
	// Reason is what was typed; Fault says what is wrong.
	Reason, Fault string
	// Job is the dry run; nil if there is none. Outcome is its result for people.
	DryRun  *Job
	Outcome *outcome
}

// field is a hidden field of a form.
type field struct{ Name, Value string }

// ownFields are the fields of the pages' own forms, which are no order's.
var ownFields = []string{"token", "reason", "word"}

// fieldsOf returns the fields of an order.
func fieldsOf(f url.Values) (list []field) {
	for name, values := range f {
		for _, v := range values {
			if !slices.Contains(ownFields, name) {
				list = append(list, field{name, v})
			}
		}
	}
	slices.SortFunc(list, func(a, b field) int {
		if a.Name+a.Value < b.Name+b.Value {
			return -1
		}
		return 1
	})
	return list
}

// asked returns the order of a form.
func asked(r *view.Request) (a action, o order, f url.Values, err error) {
	if f, err = r.FormParams(); err != nil {
		return a, o, f, err
	}
	a, known := actions[f.Get("do")]
	if !known {
		return a, o, f, errNothing
	}
	o, err = a.read(f)
	if err == nil {
		err = refuse(r, a, o)
	}
	return a, o, f, err
}

// check shows an order with its command line and its dry run.
func (p *Pages) check(r *view.Request) (view.Page, error) {
	a, o, f, err := asked(r)
	page := checkPage{action: a, order: o, Token: r.FormToken, Fields: fieldsOf(f)}
	if err != nil {
		return refused(a, err), nil
	}
	page.Line = o.line()
	if a.Dry {
		p.rehearse(r, &page)
	}
	return checked(page, http.StatusOK), nil
}

// checked returns the page of a check.
func checked(data checkPage, status int) view.Page {
	return view.Page{Title: data.Title, Section: data.Section, Templates: templates, Name: "check", Data: data, Status: status}
}

// rehearse starts the dry run of an order and waits a while for it.
func (p *Pages) rehearse(r *view.Request, page *checkPage) {
	params, err := page.text(true)
	if err == nil {
		var job Job
		job, err = p.jobs.Start(r.Ctx(), Order{Job: page.Job, Actor: r.Actor, Tenant: page.Tenant, Dry: true, Params: params})
		if err == nil {
			job = p.await(r.Ctx(), job, dryMost)
			page.DryRun, page.Outcome = &job, outcomeOf(r, job)
			return
		}
	}
	page.Fault = err.Error()
}

// await returns a job once it has ended, or as it is after a while.
func (p *Pages) await(ctx context.Context, job Job, most time.Duration) Job {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !job.Ended() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return job
		}
		known, ok := p.jobs.Get(job.ID)
		if !ok {
			return job
		}
		job = known
	}
	return job
}
