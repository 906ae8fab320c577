package account

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/api"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/session"
	"passbook/shared/web"
)

// answers are the API's answers by their paths; any other is refused.
type answers map[string]string

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, a[r.URL.RequestURI()]
	if body == "" {
		status, body = http.StatusServiceUnavailable, `{"type":"/problems/overloaded","title":"Overloaded","status":503}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// file returns the statement of A-1, of a window, and whether the connection broke.
func (a answers) file(window string) (r *httptest.ResponseRecorder, broke bool) {
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	server.Mount(Routes(view.NewKit(view.Config{Pages: session.New(session.Config{Derive: func(string) ([]byte, bool) { return make([]byte, 32), true }}), API: client.New(a)}))...)
	r = httptest.NewRecorder()
	defer func() { broke = recover() == http.ErrAbortHandler }()
	server.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "http://localhost/ui/accounts/A-1/statement.csv"+window, http.NoBody))
	return r, false
}

// A statement's file has all its pages. It breaks off where one cannot be read, so that a part of
// it is never taken for all.
func TestAStatementIsWholeOrBreaksOff(t *testing.T) {
	const first, second = "/v1/accounts/A-1/statement?limit=100", "/v1/accounts/A-1/statement?cursor=c2&limit=100"
	bank := answers{
		first:  `{"currency":"EUR","lines":[{"event_id":"A-1:2","amount":250,"posted":250,"reference":"=1+1"}],"next_cursor":"c2"}`,
		second: `{"currency":"EUR","lines":[{"event_id":"A-1:3","amount":-50,"posted":200}]}`,
	}
	r, broke := bank.file("")
	if text := r.Body.String(); broke || r.Code != 200 || strings.Count(text, "\n") != 3 || !strings.Contains(text, "'=1+1,250,250,EUR\n") || !strings.HasSuffix(text, ",-50,200,EUR\n") {
		t.Fatalf("%v %d %s", broke, r.Code, text)
	}
	delete(bank, second)
	if r, broke := bank.file(""); !broke {
		t.Fatalf("it ends after the first page: %d %s", r.Code, r.Body)
	}
	delete(bank, first)
	if r, broke := bank.file(""); broke || r.Code != 503 {
		t.Fatalf("%v %d %s", broke, r.Code, r.Body)
	}
}

// A window of versions is the statement of their time without the other versions of its first and
// last instant.
func TestAWindowOfAStatement(t *testing.T) {
	const at5, at7 = "/v1/accounts/A-1/events?from_version=5&limit=1", "/v1/accounts/A-1/events?from_version=7&limit=1"
	const part = "from=2026-11-30T09%3A00%3A00.000001Z&limit=100&to=2026-11-30T09%3A00%3A01.000001Z"
	bank := answers{
		at5: `{"events":[{"version":5,"recorded_at":"2026-11-30T09:00:00.000001Z"}]}`,
		at7: `{"events":[{"version":7,"recorded_at":"2026-11-30T09:00:01.000000Z"}]}`,
		"/v1/accounts/A-1/events?from_version=9&limit=1": `{"events":[]}`,
		"/v1/accounts/A-1/statement?" + part:             `{"currency":"EUR","lines":[{"version":4,"amount":1,"posted":1},{"version":5,"amount":2,"posted":3}],"next_cursor":"c"}`,
		"/v1/accounts/A-1/statement?cursor=c&" + part:    `{"currency":"EUR","lines":[{"version":7,"amount":3,"posted":6},{"version":8,"amount":4,"posted":10}]}`,
	}
	r, broke := bank.file("?from=5&to=7")
	if text := r.Body.String(); broke || r.Code != 200 || strings.Count(text, "\n") != 3 || !strings.Contains(text, ",2,3,EUR\n") || !strings.Contains(text, ",3,6,EUR\n") {
		t.Fatalf("%v %d %s", broke, r.Code, text)
	}
	for window, want := range map[string]string{
		"?from=x": "from is not a version", "?to=0": "to is not a version", "?to=9": "to is version 9, and", "?from=7&to=5": "from is version 7, after version 5",
	} {
		if r, _ := bank.file(window); r.Code != 400 || !strings.Contains(r.Body.String(), want) {
			t.Errorf("%s: %d %s", window, r.Code, r.Body)
		}
	}
	zoomed := place{id: "A-1", from: "5", to: "7"}
	if href, in := zoomed.file(9); href != "/ui/accounts/A-1/statement.csv?from=5&to=7" || !strings.Contains(in, "versions 5 to 7") {
		t.Errorf("%s %s", href, in)
	}
	if href, in := (place{id: "A-1"}).file(9); href != "/ui/accounts/A-1/statement.csv" || !strings.Contains(in, "500,000") {
		t.Errorf("%s %s", href, in)
	}
}
