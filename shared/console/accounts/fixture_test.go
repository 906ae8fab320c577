package accounts

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"passbook/shared/console/consoletest"
)

// bank is an API that answers what a test says, and remembers what it was asked.
type bank struct {
	answers map[string]answer // by method and path
	calls   []call
}

// answer is a status and a body.
type answer struct {
	status int
	body   string
}

// call is a request of the console.
type call struct{ method, path, key, body string }

// RoundTrip answers a request.
func (b *bank) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	b.calls = append(b.calls, call{r.Method, r.URL.RequestURI(), r.Header.Get("Idempotency-Key"), string(body)})
	w := httptest.NewRecorder()
	a, known := b.answers[r.Method+" "+r.URL.RequestURI()]
	switch {
	case known && a.status == 0:
		return nil, fmt.Errorf("the connection broke")
	case !known:
		a = answer{404, `{"type":"/problems/account-not-found","title":"Account not found","status":404,"detail":"No account.","correlation_id":"c-1"}`}
	}
	w.WriteHeader(a.status)
	if _, err := w.WriteString(a.body); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// sent returns the calls that change something.
func (b *bank) sent() (all []call) {
	for _, c := range b.calls {
		if c.method != http.MethodGet && !strings.HasSuffix(c.path, "?dry_run=true") {
			all = append(all, c)
		}
	}
	return all
}

// accountA1 is an account of the API.
const accountA1 = `{"account_id":"A-1","holder_ref":"H-7","currency":"EUR","status":"open","posted":10000,"held":0,"limit":5000,"available":15000,"version":2,"as_of":"2026-11-30T09:00:00Z"}`

// newBank returns a bank with the account A-1, and what it answers besides.
func newBank(pairs ...any) *bank {
	b := &bank{answers: map[string]answer{"GET /v1/accounts/A-1": {200, accountA1}}}
	for i := 0; i < len(pairs); i += 2 {
		b.answers[pairs[i].(string)] = pairs[i+1].(answer)
	}
	return b
}

// open sends a request for a page; form is nil for GET.
func (b *bank) open(t *testing.T, path string, form url.Values) consoletest.Page {
	t.Helper()
	return consoletest.Open(t, b, Routes, path, form)
}

// fill returns the form of a page with fields and a step.
func fill(t *testing.T, p consoletest.Page, step string, pairs ...string) url.Values {
	t.Helper()
	form := url.Values{"token": {p.Hidden(t, "token")}, "key": {p.Hidden(t, "key")}, "step": {step}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}
