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

// file returns the statement of A-1, and whether the connection broke.
func (a answers) file() (r *httptest.ResponseRecorder, broke bool) {
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	server.Mount(Routes(view.NewKit(view.Config{Pages: session.New(session.Config{Derive: func(string) ([]byte, bool) { return make([]byte, 32), true }}), API: client.New(a)}))...)
	r = httptest.NewRecorder()
	defer func() { broke = recover() == http.ErrAbortHandler }()
	server.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "http://localhost/ui/accounts/A-1/statement.csv", http.NoBody))
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
	r, broke := bank.file()
	if text := r.Body.String(); broke || r.Code != 200 || strings.Count(text, "\n") != 3 || !strings.Contains(text, "'=1+1,250,250,EUR\n") || !strings.HasSuffix(text, ",-50,200,EUR\n") {
		t.Fatalf("%v %d %s", broke, r.Code, text)
	}
	delete(bank, second)
	if r, broke := bank.file(); !broke {
		t.Fatalf("it ends after the first page: %d %s", r.Code, r.Body)
	}
	delete(bank, first)
	if r, broke := bank.file(); broke || r.Code != 503 {
		t.Fatalf("%v %d %s", broke, r.Code, r.Body)
	}
}
