package operations

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"passbook/shared/console/consoletest"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

// bank is an API that answers what a test says, by path, and jobs that end at once.
type bank struct {
	answers map[string]string
	orders  []Order
	list    []Job
	// results are what jobs return, by name; fail is why none starts.
	results map[string]string
	fail    error
	// noJobs says that the process runs none.
	noJobs bool
}

// RoundTrip answers a request; without an answer the API is unavailable.
func (b *bank) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	body, known := b.answers[r.URL.Path]
	switch {
	case strings.Contains(r.URL.RawQuery, "day=no"):
		w.Code, body = 400, `{"type":"/problems/validation-failed","title":"Validation failed","status":400,"correlation_id":"c-1","errors":[{"pointer":"/day","detail":"Expected: a day such as 2026-03-04."}]}`
	case !known:
		w.Code, body = 503, `{"type":"/problems/journal-unavailable","title":"Journal unavailable","status":503,"detail":"It cannot be read.","correlation_id":"c-1"}`
	}
	w.WriteHeader(w.Code)
	if _, err := io.WriteString(w, body); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// Start implements Jobs.
func (b *bank) Start(_ context.Context, o Order) (Job, error) {
	if b.fail != nil {
		return Job{}, b.fail
	}
	b.orders = append(b.orders, o)
	code, now := 0, time.Now()
	job := Job{ID: "job-" + string(rune('a'+len(b.list))), Name: o.Job, State: "done", Actor: o.Actor, Tenant: o.Tenant, Dry: o.Dry, StartedAt: now, FinishedAt: &now, ExitCode: &code, Result: []byte(b.results[o.Job])}
	b.list = append(b.list, job)
	return job, nil
}

// Get implements Jobs.
func (b *bank) Get(id string) (Job, bool) {
	for _, j := range b.list {
		if j.ID == id {
			return j, true
		}
	}
	return Job{}, false
}

// Cancel implements Jobs.
func (b *bank) Cancel(id string) (Job, bool) { return b.Get(id) }

// List implements Jobs.
func (b *bank) List() []Job { return b.list }

// open sends a request for a page; form is nil for GET.
func (b *bank) open(t *testing.T, path string, form url.Values) consoletest.Page {
	t.Helper()
	var jobs Jobs = b
	if b.noJobs {
		jobs = nil
	}
	return consoletest.Open(t, b, func(k *view.Kit) []web.Route { return Routes(k, jobs) }, path, form)
}

// form returns the form of a page with fields, for the action of a name.
func (b *bank) form(t *testing.T, do string, pairs ...string) url.Values {
	t.Helper()
	form := url.Values{"token": {b.open(t, "/ui/keys/new", nil).Hidden(t, "token")}, "do": {do}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

var errBusy = errors.New("a job of the name runs already")
