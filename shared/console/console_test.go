package console_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/console"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/session"
	"passbook/shared/web"
)

// echoing is an API that answers with the path that it was asked for.
type echoing struct{}

func (echoing) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	err := json.NewEncoder(w).Encode(map[string]string{"path": r.URL.RequestURI()})
	return w.Result(), err
}

// get returns the answer of a console, without following where it leads.
func get(t *testing.T, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	pages := session.New(session.Config{Log: log, Derive: func(string) ([]byte, bool) { return bytes.Repeat([]byte("x"), 32), true }})
	s := web.New(web.Config{Service: "test", Logger: log, Registry: prometheus.NewRegistry()})
	s.Mount(console.Routes(view.NewKit(view.Config{Pages: pages, API: client.New(echoing{}), Log: log}))...)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestRootLeadsBrowsersToTheConsoleAndTellsPrograms(t *testing.T) {
	if w := get(t, "/", "text/html,application/xhtml+xml,*/*;q=0.8"); w.Code != 303 || w.Header().Get("Location") != "/ui/" || w.Header().Get("Vary") != "Accept" {
		t.Errorf("a browser: %d %v", w.Code, w.Header())
	}
	var links map[string]string
	if w := get(t, "/", "*/*"); w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &links) != nil || links["console"] != "/ui/" || links["contract"] != "/openapi.json" {
		t.Errorf("a program: %d %s", w.Code, w.Body)
	}
}

func TestAddressWithoutAPageSaysSo(t *testing.T) {
	for _, path := range []string{"/ui/nothing", "/ui/nothing/at/all"} {
		if w := get(t, path, "text/html"); w.Code != 404 || !strings.Contains(w.Body.String(), "There is no such page") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// The page of an answer shows what the API says to one of its paths, and fetches nothing else.
func TestAnswersAreShownAsJSON(t *testing.T) {
	if w := get(t, "/ui/json?path=%2Fv1%2Faccounts%3Flimit%3D2", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "&#34;/v1/accounts?limit=2&#34;") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, path := range []string{"/metrics", "https://example.com/v1/", "", "//example.com/v1/"} {
		if w := get(t, "/ui/json?path="+path, ""); w.Code < 400 || strings.Contains(w.Body.String(), "&#34;path&#34;") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
