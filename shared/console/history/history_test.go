package history

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

// answers are what the API answers, by path; all else is a 404 problem.
type answers map[string]string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, a[r.URL.RequestURI()]
	if body == "" {
		status, body = http.StatusNotFound, `{"type":"/problems/account-not-found","title":"Account not found","status":404,"detail":"There is no such account.","correlation_id":"c-9"}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// get asks for a page, as a browser does.
func (a answers) get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	server.Mount(Routes(view.NewKit(view.Config{Pages: session.New(session.Config{Derive: func(string) ([]byte, bool) { return make([]byte, 32), true }}), API: client.New(a)}))...)
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://localhost"+path, http.NoBody))
	return recorder
}

const (
	credited = `{"event_id":"A-1:2","version":2,"type":"MoneyCredited","recorded_at":"2026-11-30T08:30:00.000000Z","correlation_id":"c-1","actor":"key:1",` +
		`"currency":"EUR","amount":250000,"after":{"posted":250000,"held":0,"limit":10000},"data":{"amount":250000}}`
	itsJourney = `{"request":{"idempotency_key":"<b>k","correlation_id":"c-1","first":2,"last":2,"status":201},"decided_on":1,` +
		`"entry":{"first":2,"last":2,"recorded_at":"2026-11-30T08:30:00.000000Z","commands":1,"hash":"HASH","prev":"PREV","signed":true,"hashed":"{\"a\":\"<&>\"}"},` +
		`"stream":{"shard":"shardId-000000000000","sequence":"17","arrived_at":"2026-11-30T08:30:00.012000Z"},` +
		`"models":[{"name":"balance","folded":true,"version":2,"projected_at":"2026-11-30T08:30:01.500000Z"},{"name":"creditlimit","folded":false,"version":1}]}`
)

func TestPageOfAnEvent(t *testing.T) {
	bank := answers{
		"/v1/accounts/A-1/events?from_version=2&limit=1": `{"events":[` + credited + `]}`, "/v1/accounts/A-1/events/2/journey": itsJourney,
	}
	r := bank.get(t, "/ui/accounts/A-1/events/2")
	text := r.Body.String()
	for _, want := range []string{
		"2,500.00 EUR", "by <bdi>key:1</bdi>", "&lt;b&gt;k", `href="/ui/search?q=c-1"`, `data-check="HASH"`, "PREV", "signed by the bank", "{&#34;a&#34;:&#34;&lt;&amp;&gt;&#34;}",
		"shardId-000000000000", "&#43;12 ms", "Folded by balance", "&#43;1.5 s", "Not folded by creditlimit yet", "Not archived yet", `href="/ui/accounts/A-1/events/1"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if r.Code != 200 {
		t.Errorf("%d %s", r.Code, text)
	}
}

// A journey that cannot be had leaves the rest of the page; a missing event is a refusal.
func TestPartsThatFail(t *testing.T) {
	bank := answers{"/v1/accounts/A-1/events?from_version=2&limit=1": `{"events":[` + credited + `]}`}
	if r := bank.get(t, "/ui/accounts/A-1/events/2"); r.Code != 200 || !strings.Contains(r.Body.String(), "/problems/account-not-found") || !strings.Contains(r.Body.String(), "2,500.00 EUR") {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if r := bank.get(t, "/ui/accounts/A-1/events/3"); r.Code != 404 || !strings.Contains(r.Body.String(), "c-9") {
		t.Errorf("%d %s", r.Code, r.Body)
	}
}

func TestSearch(t *testing.T) {
	bank := answers{
		"/v1/accounts/A-1":                             `{"account_id":"A-1"}`,
		"/v1/accounts?holder=H-1&limit=25":             `{"accounts":[{"account_id":"A-1","status":"open","currency":"EUR","posted":5,"available":5}]}`,
		"/v1/accounts?holder=H-2&limit=25":             `{"accounts":[{"account_id":"A-1","status":"open","currency":"EUR"},{"account_id":"A-2","status":"closed","currency":"EUR"}],"has_more":true}`,
		"/v1/accounts?holder=c-1&limit=25":             `{"accounts":[]}`,
		"/v1/accounts?holder=nobody&limit=25":          `{"accounts":[]}`,
		"/v1/events?correlation_id=c-1&limit=25":       `{"events":[` + credited + `]}`,
		"/v1/events?correlation_id=two+words&limit=25": `{"events":[` + credited + `,` + strings.ReplaceAll(credited, "A-1:2", "A-2:7") + `]}`,
	}
	for _, none := range []string{"H-1", "H-2", "nobody", "t4"} {
		bank["/v1/events?correlation_id="+none+"&limit=25"] = `{"events":[]}`
	}
	for query, want := range map[string]string{
		"A-1": "/ui/accounts/A-1", "A-1:4": "/ui/accounts/A-1/events/4", "A-1:t4": "/ui/accounts/A-1/events/4", "A-1:h4": "/ui/accounts/A-1/events/4",
		"H-1": "/ui/accounts/A-1", "c-1": "/ui/accounts/A-1/events/2",
	} {
		if r := bank.get(t, "/ui/search?q="+query); r.Code != http.StatusSeeOther || r.Header().Get("Location") != want {
			t.Errorf("%s: %d %q, not %s", query, r.Code, r.Header().Get("Location"), want)
		}
	}
	for query, want := range map[string]string{
		"H-2": "All accounts of this holder", "two+words": `href="/ui/accounts/A-1/events/2"`, "t4": "Which account is t4 of?", "nobody": "Nothing here is named so", "": "Search for an account",
	} {
		if r := bank.get(t, "/ui/search?q="+query); r.Code != 200 || !strings.Contains(r.Body.String(), want) {
			t.Errorf("%s: %d lacks %q", query, r.Code, want)
		}
	}
}
