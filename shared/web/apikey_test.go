package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/control"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/web"
)

// edges returns the HTTP server without credentials and with API keys, and what serves a request of
// either: a route that answers a few bytes, asked for with a right key.
func edges(t testing.TB) map[string]func() {
	t.Helper()
	tbl := storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
	made := apikey.Generate()
	_, err := apikey.Create(t.Context(), tbl, apikey.Key{ID: made.ID, Sum: made.Sum, Name: "test", Tenant: "main", Scopes: access.AccountsRead, Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := apikey.Open(t.Context(), apikey.Config{Table: tbl})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]func(){}
	for name, auth := range map[string]access.Authenticator{"dev": nil, "apikey": keys} {
		s := web.New(web.Config{Service: "test", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Auth: auth})
		s.Mount(web.Route{Method: http.MethodGet, Path: "/x", Scopes: access.AccountsRead, Handler: func(c echo.Context) error {
			web.Reply(c, http.StatusOK, []byte(`{}`))
			return nil
		}})
		handler, r := s.Handler(), httptest.NewRequest(http.MethodGet, "/x", nil)
		r.Header.Set("Authorization", "Bearer "+made.Text)
		all[name] = func() {
			w := answer{header: http.Header{}}
			if handler.ServeHTTP(&w, r); w.status != http.StatusOK {
				t.Fatalf("%s: status %d", name, w.status)
			}
		}
	}
	return all
}

// answer is a ResponseWriter that keeps the status.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) Write(p []byte) (int, error) { return len(p), nil }

func (a *answer) WriteHeader(status int) { a.status = status }

// A request with a key costs as many allocations as one without credentials.
func TestAKeyCostsARequestNoAllocation(t *testing.T) {
	allocations := map[string]float64{}
	for name, ask := range edges(t) {
		allocations[name] = testing.AllocsPerRun(200, ask)
	}
	if allocations["apikey"] > allocations["dev"] {
		t.Errorf("%v allocations a request", allocations)
	}
}

// The difference of the two is what --auth apikey costs a request; the budget is 4 microseconds.
func BenchmarkRequest(b *testing.B) {
	for name, ask := range edges(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}
