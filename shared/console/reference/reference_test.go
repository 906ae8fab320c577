package reference

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/api"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/session"
	"passbook/shared/web"
)

// site is a server with the pages.
type site struct{ handler http.Handler }

// page is an answer with its whole text.
type page struct {
	Status int
	Header http.Header
	Text   string
}

// Get asks for a page, as a browser does.
func (s site) Get(path string) page {
	recorder, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost"+path, http.NoBody)
	s.handler.ServeHTTP(recorder, request)
	return page{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// bank answers every call of the API with the path that was called.
type bank struct{}

func (bank) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"called":"` + r.URL.RequestURI() + `"}`)), Request: r}, nil
}

func served(t *testing.T) site {
	t.Helper()
	return serve(t, false)
}

func serve(t *testing.T, alone bool) site {
	t.Helper()
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	kit := view.NewKit(view.Config{Alone: alone, API: client.New(bank{}), Pages: session.New(session.Config{
		Log: slog.New(slog.DiscardHandler), Derive: func(string) ([]byte, bool) { return make([]byte, 32), true },
	})})
	server.Mount(kit.Static())
	server.Mount(Routes(kit)...)
	return site{server.Handler()}
}

// Every refusal's type leads to a page with its cause and what to do.
func TestEveryProblemHasItsPage(t *testing.T) {
	c := served(t)
	types := api.ProblemTypes
	if len(types) < 50 {
		t.Fatalf("only %d problem types", len(types))
	}
	for _, p := range types {
		r := c.Get("/problems/" + p.Code)
		text := r.Text
		if r.Status != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", p.Code, r.Status, r.Header.Get("Content-Type"))
			continue
		}
		for _, want := range []string{p.Title, "<h2>Cause</h2>", "<h2>What to do</h2>", "/problems/" + p.Code} {
			if !strings.Contains(text, want) {
				t.Errorf("the page of %s lacks %q", p.Code, want)
			}
		}
	}
	if r := c.Get("/problems/no-such"); r.Status != 404 || !strings.Contains(r.Text, `href="/problems/overloaded"`) {
		t.Errorf("an unknown code: %d", r.Status)
	}
}

// Every operation of the contract has its page, with its scopes, answers and examples.
func TestEveryOperationHasItsPage(t *testing.T) {
	c := served(t)
	index := c.Get("/docs").Text
	_, operations, err := readContract()
	if err != nil || len(operations) < 30 {
		t.Fatal(len(operations), err)
	}
	for _, o := range operations {
		if !strings.Contains(index, `href="/docs/`+o.OperationID+`"`) {
			t.Errorf("/docs does not list %s", o.OperationID)
		}
		r := c.Get("/docs/" + o.OperationID)
		text := r.Text
		for _, want := range append([]string{o.Path, "curl -s", "http.NewRequestWithContext", "urllib.request"}, o.Scopes...) {
			if r.Status != 200 || !strings.Contains(text, want) {
				t.Errorf("the page of %s: %d, lacks %q", o.OperationID, r.Status, want)
			}
		}
		if len(o.Answers) == 0 || o.Summary == "" {
			t.Errorf("%s: no answers or no summary", o.OperationID)
		}
		if got := strings.Contains(text, `action="/ui/try/`); got != tryable(o) {
			t.Errorf("%s: a form to try it is %v", o.OperationID, got)
		}
		if _, form := forms[o.OperationID]; form && !strings.Contains(text, forms[o.OperationID]) {
			t.Errorf("%s: no link to its form", o.OperationID)
		}
	}
	for id := range forms {
		if !slices.ContainsFunc(operations, func(o operation) bool { return o.OperationID == id }) {
			t.Errorf("the form of %s is of no operation", id)
		}
	}
	for _, path := range []string{"/docs", "/docs/withdraw", "/docs/getBalance"} {
		if text := c.Get(path).Text; strings.Contains(text, "PASSBOOK_KEY") {
			t.Errorf("%s of a bank that asks for no key has one in its examples", path)
		}
	}
	if text := c.Get("/docs/bulk").Text; !strings.Contains(text, "one of accounts:write, money:credit") {
		t.Error("the page of bulk lacks its scopes")
	}
	if r := c.Get("/docs/no-such"); r.Status != 404 {
		t.Errorf("an unknown operation: %d", r.Status)
	}
}

// A tried path takes its values as data: none of them leads elsewhere.
func TestFilledPaths(t *testing.T) {
	_, operations, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	p := &pages{operations: operations}
	o, _ := p.byID("getBalance")
	got := filled(o, map[string][]string{"account_id": {"../ops?x=1#"}, "version": {"3"}, "at": {" "}, "other": {"1"}})
	if want := "/v1/accounts/..%2Fops%3Fx=1%23/balance?version=3"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// What is tried is called as it stands, and its answer shown.
func TestTryingACall(t *testing.T) {
	r := served(t).Get("/ui/try/getBalance?account_id=A-1&version=3")
	if r.Status != 200 || !strings.Contains(r.Text, "&#34;called&#34;: &#34;/v1/accounts/A-1/balance?version=3&#34;") {
		t.Errorf("%d %s", r.Status, r.Text)
	}
	if r := served(t).Get("/ui/try/withdraw?account_id=A-1"); r.Status != http.StatusSeeOther || r.Header.Get("Location") != "/docs" {
		t.Errorf("a command was tried: %d %s", r.Status, r.Text)
	}
}

// Beside the console's server the reference leads nowhere that is not served there.
func TestAlone(t *testing.T) {
	c := serve(t, true)
	for _, path := range []string{"/docs", "/docs/getBalance", "/docs/withdraw", "/problems/overloaded"} {
		r := c.Get(path)
		for _, gone := range []string{`action="/ui/`, `href="/ui/accounts`, `href="/ui/change`} {
			if r.Status != 200 || strings.Contains(r.Text, gone) {
				t.Errorf("%s: %d, has %s", path, r.Status, gone)
			}
		}
	}
	if r := c.Get("/ui/try/getBalance?account_id=A-1"); r.Status != 404 {
		t.Errorf("tried: %d", r.Status)
	}
}
