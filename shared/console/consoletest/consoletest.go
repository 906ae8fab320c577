package consoletest

import (
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/session"
	"passbook/shared/web"
)

// Page is an answer of the console: Raw is its body as sent, and Text is that without entities of
// HTML.
type Page struct {
	Status              int
	Location, Text, Raw string
}

// Open sends a request for one of the pages that routes returns, whose calls of the API are
// answered by api. Form is nil for GET, and is sent by POST otherwise.
func Open(t testing.TB, api http.RoundTripper, routes func(*view.Kit) []web.Route, path string, form url.Values) Page {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	pages := session.New(session.Config{Log: log, Derive: func(label string) ([]byte, bool) { return []byte((label + strings.Repeat("x", 32))[:32]), true }})
	server := web.New(web.Config{Service: "test", Logger: log, Registry: prometheus.NewRegistry()})
	server.Mount(routes(view.NewKit(view.Config{Pages: pages, API: client.New(api), Log: log}))...)
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://127.0.0.1")
	w := httptest.NewRecorder()
	server.Handler().ServeHTTP(w, r)
	return Page{w.Code, w.Header().Get("Location"), html.UnescapeString(w.Body.String()), w.Body.String()}
}

// Hidden returns the value of a hidden field of the page's form, and fails the test if it has none.
func (p Page) Hidden(t testing.TB, name string) string {
	t.Helper()
	field := regexp.MustCompile(`name="` + name + `" value="([^"]+)"`).FindStringSubmatch(p.Raw)
	if field == nil {
		t.Fatalf("the page has no field %s: %d %s", name, p.Status, p.Text)
	}
	return field[1]
}

// Must fails the test unless a page has a status and texts.
func (p Page) Must(t testing.TB, status int, texts ...string) Page {
	t.Helper()
	if p.Status != status {
		t.Errorf("status %d, want %d: %s", p.Status, status, p.Text)
	}
	for _, text := range texts {
		if !strings.Contains(p.Text, text) {
			t.Errorf("the page lacks %q: %s", text, p.Text)
		}
	}
	return p
}
