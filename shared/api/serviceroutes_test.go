package api

import (
	"net/http"
	"strings"
	"testing"

	"passbook/shared/web"

	"github.com/labstack/echo/v4"
)

// A call of the contract has the services that serve it, and no other path has one.
func TestServicesOfPaths(t *testing.T) {
	for call, want := range map[string]string{
		"POST /v1/accounts": "credit", "GET /v1/accounts/A-1/series": "balance", "GET /v1/accounts/A-1/credit-limit/explain": "creditlimit",
		"POST /v1/bulk": "withdraw credit", "GET /v1/ops/archive/segments": "archiver", "GET /v1/feed": "balance",
		"GET /v1/ops/pipeline": "", "GET /v1/totals": "", "GET /v1/consumers": "", "GET /readyz": "", "GET /v1/nothing": "", "DELETE /v1/accounts": "",
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := strings.Join(ServicesOf(method, path), " "); got != want {
			t.Errorf("%s is served by %q, want %q", call, got, want)
		}
	}
}

// A service that is one of several names the one that serves a route, or a method, that it does not
// serve.
func TestRoutesOfOthersAreNamed(t *testing.T) {
	for _, c := range []struct{ service, method, path, names string }{
		{"withdraw", "POST", "/v1/accounts", "credit"}, {"withdraw", "GET", "/v1/accounts/A-1/balance", "balance"},
		{"withdraw", "PUT", "/v1/accounts/A-1/credit-limit", "credit"}, {"withdraw", "GET", "/v1/accounts/A-1/credit-limit", "creditlimit"},
		{"archiver", "POST", "/withdraw", "withdraw"}, {"credit", "GET", "/v1/accounts", "balance"},
		{"credit", "POST", "/v1/transfers", "withdraw"}, {"credit", "GET", "/v1/accounts/", ""}, {"credit", "GET", "/v1/account/A-1/balance", ""},
		{"credit", "DELETE", "/v1/accounts", ""}, {"credit", "POST", "/ops/jobs", ""}, {"withdraw", "GET", "/v1/consumers", ""},
	} {
		s := configured(t, Config{Web: web.Config{Service: c.service}, OneOfSeveral: true})
		if c.service == "credit" {
			s.Mount(web.Route{Method: http.MethodPost, Path: "/v1/accounts", Open: true, Handler: func(echo.Context) error { return nil }})
		}
		r := ask(s, c.method, c.path, "")
		if got := between(r.Body.String(), `"service":"`, `"`); got != c.names || r.Code != 404 && r.Code != 405 {
			t.Errorf("%s: %s %s: %d, names %q, not %q", c.service, c.method, c.path, r.Code, got, c.names)
		}
	}
	if r := ask(configured(t, Config{Web: web.Config{Service: "bank"}}), "POST", "/v1/accounts", ""); strings.Contains(r.Body.String(), `"service"`) {
		t.Errorf("all in one process: %s", r.Body)
	}
}
