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

// answers are the API's answers by their paths; any other is refused. One that ends with … breaks
// off there.
type answers map[string]string

// breaks is a body that breaks off.
type breaks struct{}

func (breaks) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, a[r.URL.RequestURI()]
	if body == "" {
		status, body = http.StatusServiceUnavailable, `{"type":"/problems/overloaded","title":"Overloaded","status":503}`
	}
	header := http.Header{"Content-Type": {"text/csv"}, "Content-Disposition": {"attachment"}, "Content-Security-Policy": {"style-src 'sha256-x'"}, "Etag": {`"3"`}}
	whole, broken := strings.CutSuffix(body, "…")
	read := io.Reader(strings.NewReader(whole))
	if broken {
		read = io.MultiReader(read, breaks{})
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(read), Request: r}, nil
}

// file returns a file of A-1, and whether the connection broke.
func (a answers) file(name string) (r *httptest.ResponseRecorder, broke bool) {
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	server.Mount(Routes(view.NewKit(view.Config{Pages: session.New(session.Config{Derive: func(string) ([]byte, bool) { return make([]byte, 32), true }}), API: client.New(a)}))...)
	r = httptest.NewRecorder()
	defer func() { broke = recover() == http.ErrAbortHandler }()
	server.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "http://localhost/ui/accounts/A-1/"+name, http.NoBody))
	return r, false
}

// A file is the API's, with its headers, of the versions of the window. It breaks off where the
// API's does, so that a part of it is never taken for all.
func TestAFileIsTheAPIs(t *testing.T) {
	const path = "/v1/accounts/A-1/statement/file?format="
	bank := answers{path + "csv": "a,b\n", path + "camt053&from_version=5&to_version=7": "<Document/>", path + "html": "<!doctype html>…"}
	for name, want := range map[string]string{"statement.csv": "a,b\n", "statement.xml?from=5&to=7": "<Document/>"} {
		r, broke := bank.file(name)
		if broke || r.Code != 200 || r.Body.String() != want || r.Header().Get("Content-Type") != "text/csv" || r.Header().Get("Content-Disposition") != "attachment" || r.Header().Get("Content-Security-Policy") != "style-src 'sha256-x'" {
			t.Errorf("%s: %v %d %v %s", name, broke, r.Code, r.Header(), r.Body)
		}
	}
	if r, broke := bank.file("statement.html"); !broke {
		t.Errorf("it ends before its end: %d %s", r.Code, r.Body)
	}
	if r, broke := bank.file("statement.csv?from=9"); broke || r.Code != 503 {
		t.Errorf("%v %d %s", broke, r.Code, r.Body)
	}
	if files := (place{id: "A-1", from: "5", to: "7"}).files(9); files[1].Href != "/ui/accounts/A-1/statement.xml?from=5&to=7" || !strings.Contains(files[0].Title, "versions 5 to 7") {
		t.Errorf("%v", files)
	}
	if files := (place{id: "A-1"}).files(9); files[0].Href != "/ui/accounts/A-1/statement.csv" || !strings.Contains(files[2].Title, "All movements") {
		t.Errorf("%v", files)
	}
}
