package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/admission"
)

// twoCallers is an authenticator of two principals.
var twoCallers = tokens{
	"a": &access.Principal{Actor: "key:a", Tenant: "main", Scopes: access.All},
	"b": &access.Principal{Actor: "key:b", Tenant: "main", Scopes: access.All},
}

// Each principal has its rate: beyond it requests are refused before their body is read, with the
// time to wait; probes and open routes are not counted, nor are wrong credentials.
func TestPrincipalsHaveTheirRate(t *testing.T) {
	s := configured(t, Config{Auth: twoCallers, Rates: admission.NewRates(1, 3)})
	ran := 0
	s.Mount(Route{Method: http.MethodPost, Path: "/x", Kind: Write, Scopes: access.MoneyCredit, Handler: func(c echo.Context) error {
		ran++
		return ReplyJSON(c, 200, 1)
	}})
	for i, want := range []string{`"requests";r=2;t=1`, `"requests";r=1;t=2`, `"requests";r=0;t=3`} {
		r := ask(s, "POST", "/x", "{}", "Authorization", "Bearer a")
		if r.Code != 200 || r.Header().Get("RateLimit") != want || r.Header().Get("RateLimit-Policy") != `"requests";q=3;w=3` || r.Header().Get("Retry-After") != "" {
			t.Errorf("%d: %d %v", i, r.Code, r.Header())
		}
	}
	r := ask(s, "POST", "/x", "{}", "Authorization", "Bearer a")
	if r.Code != 429 || !strings.Contains(r.Body.String(), TooManyRequests.Code) || r.Header().Get("Retry-After") != "1" || r.Header().Get("RateLimit") != `"requests";r=0;t=3` || ran != 3 {
		t.Errorf("beyond it: %d %v %s, the handler ran %d times", r.Code, r.Header(), r.Body, ran)
	}
	for range 10 {
		if r := ask(s, "GET", "/livez", "", "Authorization", "Bearer a"); r.Code != 200 || r.Header().Get("RateLimit") != "" {
			t.Fatalf("a probe: %d %v", r.Code, r.Header())
		}
		if r := ask(s, "POST", "/x", "", "Authorization", "Bearer wrong"); r.Code != 401 || r.Header().Get("RateLimit") != "" {
			t.Fatalf("a wrong token: %d %v", r.Code, r.Header())
		}
	}
	if r := ask(s, "POST", "/x", "{}", "Authorization", "Bearer b"); r.Code != 200 {
		t.Errorf("another principal: %d", r.Code)
	}
	if text := ask(s, "GET", "/metrics", "", "Authorization", "Bearer a").Body.String(); !strings.Contains(text, "passbook_http_rate_refused_total 1") {
		t.Errorf("%s", between(text, "http_rate_refused", "HELP"))
	}
}

// Without credentials the rate is that of everybody together.
func TestTheRateHoldsWithoutCredentialsToo(t *testing.T) {
	s := configured(t, Config{Rates: admission.NewRates(1, 1)})
	s.Mount(Route{Method: http.MethodGet, Path: "/x", Scopes: access.AccountsRead, Handler: func(c echo.Context) error { return ReplyJSON(c, 200, 1) }})
	for i, want := range []int{200, 429} {
		if r := ask(s, "GET", "/metrics", ""); r.Code != 200 {
			t.Errorf("a probe: %d", r.Code)
		}
		if r := ask(s, "GET", "/x", ""); r.Code != want {
			t.Errorf("%d: %d", i, r.Code)
		}
	}
}

// While two principals use the server, one that holds half of the places is refused, and the other
// is not.
func TestPrincipalsHaveTheirShareOfThePlaces(t *testing.T) {
	s := configured(t, Config{Auth: twoCallers, MaxInFlight: 4})
	release := make(chan struct{})
	entered := make(chan struct{}, 4)
	s.Mount(
		Route{Method: http.MethodGet, Path: "/slow", Scopes: access.AccountsRead, Handler: func(c echo.Context) error {
			entered <- struct{}{}
			waiting(t, release)
			return ReplyJSON(c, 200, 1)
		}},
		Route{Method: http.MethodGet, Path: "/x", Scopes: access.AccountsRead, Handler: func(c echo.Context) error { return ReplyJSON(c, 200, 1) }},
	)
	for _, who := range []string{"a", "b"} {
		if r := ask(s, "GET", "/x", "", "Authorization", "Bearer "+who); r.Code != 200 {
			t.Fatalf("%s: %d", who, r.Code)
		}
	}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if r := ask(s, "GET", "/slow", "", "Authorization", "Bearer a"); r.Code != 200 {
				t.Errorf("within the share: %d", r.Code)
			}
		})
		<-entered
	}
	if r := ask(s, "GET", "/x", "", "Authorization", "Bearer a"); r.Code != 429 || r.Header().Get("Retry-After") != "1" {
		t.Errorf("beyond the share: %d %s", r.Code, r.Body)
	}
	if r := ask(s, "GET", "/x", "", "Authorization", "Bearer b"); r.Code != 200 {
		t.Errorf("the other: %d", r.Code)
	}
	close(release)
	all.Wait()
}

// BenchmarkRefusedKey measures all that a request with a wrong key costs behind the connection.
func BenchmarkRefusedKey(b *testing.B) {
	s := New(Config{Service: "test", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Auth: twoCallers})
	s.Mount(Route{Method: http.MethodGet, Path: "/x", Scopes: access.AccountsRead, Handler: func(c echo.Context) error { return ReplyJSON(c, 200, 1) }})
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	r.Header.Set("Authorization", "Bearer wrong")
	b.ReportAllocs()
	for b.Loop() {
		answer := httptest.NewRecorder()
		if s.Handler().ServeHTTP(answer, r); answer.Code != http.StatusUnauthorized {
			b.Fatal(answer.Code)
		}
	}
}
