package operations

import (
	"context"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/session"
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

// page is an answer of the console.
type page struct {
	status              int
	location, text, raw string
}

// open sends a request for a page; form is nil for GET.
func (b *bank) open(t *testing.T, path string, form url.Values) page {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	pages := session.New(session.Config{Log: log, Derive: func(label string) ([]byte, bool) { return []byte((label + strings.Repeat("x", 32))[:32]), true }})
	server := web.New(web.Config{Service: "test", Logger: log, Registry: prometheus.NewRegistry()})
	var jobs Jobs = b
	if b.noJobs {
		jobs = nil
	}
	server.Mount(Routes(view.NewKit(view.Config{Pages: pages, API: client.New(b), Log: log}), jobs)...)
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://127.0.0.1")
	w := httptest.NewRecorder()
	server.Handler().ServeHTTP(w, r)
	return page{w.Code, w.Header().Get("Location"), html.UnescapeString(w.Body.String()), w.Body.String()}
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// form returns the form of a page with fields, for the action of a name.
func (b *bank) form(t *testing.T, do string, pairs ...string) url.Values {
	t.Helper()
	token := tokenField.FindStringSubmatch(b.open(t, "/ui/keys/new", nil).raw)
	if token == nil {
		t.Fatal("the page has no form")
	}
	form := url.Values{"token": {token[1]}, "do": {do}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// must fails the test unless a page has a status and texts.
func (p page) must(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Errorf("status %d, want %d: %s", p.status, status, p.text)
	}
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			t.Errorf("the page lacks %q: %s", text, p.text)
		}
	}
	return p
}

var errBusy = errors.New("a job of the name runs already")
