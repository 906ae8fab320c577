package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/telemetry"
)

// tokens is an authenticator of fixed tokens. An error stands for itself.
type tokens map[string]any

func (t tokens) Authenticate(_ context.Context, bearer string) (*access.Principal, error) {
	switch known := t[bearer].(type) {
	case *access.Principal:
		return known, nil
	case error:
		return nil, fmt.Errorf("token of a test: %w", known)
	}
	return nil, access.ErrInvalid
}

func TestRoutesAskForCredentialsAndScopes(t *testing.T) {
	reader := &access.Principal{Actor: "key:reader", Tenant: "north", Scopes: access.AccountsRead | access.MoneyCredit}
	s := configured(t, Config{Auth: tokens{
		"reader": reader, "expired": access.ErrExpired, "down": access.ErrUnavailable,
		"writer": &access.Principal{Actor: "key:writer", Tenant: "north", Scopes: access.MoneyWithdraw},
	}})
	var got *access.Principal
	var correlation string
	handler := func(c echo.Context) error {
		got, correlation = access.From(c.Request().Context()), telemetry.Correlation(c.Request().Context())
		Reply(c, 200, []byte(`{}`))
		return nil
	}
	s.Mount(
		Route{Method: http.MethodGet, Path: "/read", Scopes: access.AccountsRead, Handler: handler},
		Route{Method: http.MethodPost, Path: "/write", Kind: Write, Scopes: access.MoneyWithdraw | access.Force, Handler: handler},
		Route{Method: http.MethodPost, Path: "/any", Kind: Stream, AnyOf: access.Commands, Handler: handler},
		Route{Method: http.MethodGet, Path: "/open", Open: true, Handler: handler},
	)
	const basic = `Bearer realm="passbook"`
	for _, c := range []struct {
		route, authorization string
		status               int
		code, challenge      string
	}{
		{"GET /read", "Bearer reader", 200, "", ""},
		{"GET /read", "bearer reader", 200, "", ""},
		{"GET /read", "", 401, "credentials-missing", basic},
		{"GET /read", "Basic cmVhZGVyOg==", 401, "credentials-invalid", basic + `, error="invalid_token"`},
		{"GET /read", "Bearer ", 401, "credentials-invalid", basic + `, error="invalid_token"`},
		{"GET /read", "Bearer nobody", 401, "credentials-invalid", basic + `, error="invalid_token"`},
		{"GET /read", "Bearer expired", 401, "credentials-expired", basic + `, error="invalid_token", error_description="expired"`},
		{"GET /read", "Bearer down", 503, "access-unavailable", ""},
		{"GET /read", "Bearer writer", 403, "scope-missing", basic + `, error="insufficient_scope"`},
		{"POST /write", "Bearer writer", 403, "scope-missing", basic + `, error="insufficient_scope"`},
		{"POST /any", "Bearer writer", 200, "", ""},
		{"POST /any", "Bearer reader", 200, "", ""},
		{"GET /open", "", 200, "", ""},
		{"GET /open", "Bearer nobody", 200, "", ""},
		{"GET /nothing", "", 404, "route-not-found", ""},
		{"DELETE /read", "", 405, "method-not-allowed", ""},
	} {
		method, path, _ := strings.Cut(c.route, " ")
		var header []string
		if c.authorization != "" {
			header = []string{"Authorization", c.authorization}
		}
		got = nil
		r := ask(s, method, path, "", header...)
		if r.Code != c.status || r.Header().Get("WWW-Authenticate") != c.challenge || c.code != "" && !strings.Contains(r.Body.String(), `"/problems/`+c.code+`"`) {
			t.Errorf("%s %q: %d %q %s", c.route, c.authorization, r.Code, r.Header().Get("WWW-Authenticate"), r.Body)
		}
		if (got != nil) != (c.status == 200) {
			t.Errorf("%s %q: the handler ran: %v", c.route, c.authorization, got != nil)
		}
	}
	r := ask(s, "GET", "/read", "", "Authorization", "Bearer reader", "X-Request-ID", "c-1")
	if r.Code != 200 || got != reader || correlation != "c-1" {
		t.Errorf("the handler has %+v and %q", got, correlation)
	}
	if ask(s, "GET", "/open", ""); got != access.Nobody {
		t.Errorf("an open route has %+v", got)
	}
	if ask(s, "GET", "/open", "", "Authorization", "Bearer reader"); got != reader {
		t.Errorf("an open route has %+v of a credential", got)
	}
}

func TestRoutesWithoutScopesAreNotMounted(t *testing.T) {
	for name, r := range map[string]Route{
		"neither": {Method: http.MethodGet, Path: "/a"},
		"both":    {Method: http.MethodGet, Path: "/a", Open: true, Scopes: access.AccountsRead},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: mounted", name)
				}
			}()
			configured(t, Config{}).Mount(r)
		}()
	}
}

func TestServersForThisMachineRefuseOtherOrigins(t *testing.T) {
	s := configured(t, Config{LocalOnly: true, Hosts: []string{"bank.internal"}})
	answer := func(c echo.Context) error { Reply(c, 200, []byte(`{}`)); return nil }
	s.Mount(Route{Method: http.MethodGet, Path: "/x", Scopes: access.AccountsRead, Handler: answer},
		Route{Method: http.MethodPost, Path: "/x", Kind: Write, Scopes: access.MoneyCredit, Handler: answer})
	for _, c := range []struct {
		host        string
		header      []string
		read, write bool
	}{
		{"localhost:8080", nil, true, true},
		{"LocalHost.", nil, true, true},
		{"localhost.:8080", nil, true, true},
		{"127.0.0.1:8080", nil, true, true},
		{"127.9.9.9", nil, true, true},
		{"[::1]:8080", nil, true, true},
		{"[::1]", nil, true, true},
		{"Bank.Internal:443", nil, true, true},
		{"evil.example", nil, false, false},
		{"localhost.evil.example", nil, false, false},
		{"127.0.0.1.evil.example", nil, false, false},
		{"192.0.2.1", nil, false, false},
		{"0.0.0.0:8080", nil, false, false},
		{"", nil, false, false},
		{"evil.example", []string{"X-Forwarded-Host", "localhost"}, false, false},
		{"localhost:8080", []string{"Origin", "http://localhost:8080"}, true, true},
		{"localhost:8080", []string{"Origin", "http://localhost:9999"}, false, false},
		{"localhost:8080", []string{"Origin", "https://localhost:8080"}, false, false},
		{"localhost:8080", []string{"Origin", "null"}, false, false},
		{"localhost:8080", []string{"Origin", "http://localhost:8080", "Origin", "http://evil.example"}, false, false},
		{"localhost:8080", []string{"Sec-Fetch-Site", "same-origin"}, true, true},
		{"localhost:8080", []string{"Sec-Fetch-Site", "none"}, true, true},
		{"localhost:8080", []string{"Sec-Fetch-Site", "same-site"}, false, false},
		{"localhost:8080", []string{"Sec-Fetch-Site", "cross-site"}, false, false},
		{"localhost:8080", []string{"Sec-Fetch-Site", "something-new"}, true, false},
	} {
		for method, want := range map[string]bool{http.MethodGet: c.read, http.MethodPost: c.write} {
			r := ask(s, method, "/x", "", append([]string{"host", c.host}, c.header...)...)
			if want != (r.Code == 200) || !want && !strings.Contains(r.Body.String(), "origin-refused") {
				t.Errorf("%s to %q with %v: %d %s", method, c.host, c.header, r.Code, r.Body)
			}
		}
	}
	for _, probe := range []string{"/livez", "/readyz"} {
		if r := ask(s, "GET", probe, "", "host", "10.0.0.7:8080"); r.Code != 200 {
			t.Errorf("%s at a pod's address: %d", probe, r.Code)
		}
	}
	if r := ask(s, "GET", "/version", "", "host", "10.0.0.7:8080"); r.Code != 403 {
		t.Errorf("/version at another name: %d", r.Code)
	}
}
