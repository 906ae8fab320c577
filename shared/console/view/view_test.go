package view_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/session"
	"passbook/shared/web"
)

//go:embed testdata/page.html
var files embed.FS

// refusing is an API that refuses everything.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Retry-After", "3")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, err := w.WriteString(`{"type":"/problems/overloaded","title":"Overloaded","status":503,"detail":"Too much <b>.","correlation_id":"c-7"}`)
	return w.Result(), err
}

// serve returns a server with a page that calls the API, one that fails and one that does not.
func serve(t *testing.T) http.Handler {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	pages := session.New(session.Config{Log: log, Derive: func(string) ([]byte, bool) { return bytes.Repeat([]byte("x"), 32), true }})
	k := view.NewKit(view.Config{
		Pages: pages, API: client.New(refusing{}), Log: log, Environment: view.Environment{Kind: "aws", Where: "1234 <x>", Name: "ledger", Production: true},
	})
	templates := view.Parse(files, "testdata/page.html")
	s := web.New(web.Config{Service: "test", Logger: log, Registry: prometheus.NewRegistry()})
	s.Mount(k.Static(), k.Updates(),
		k.Get("/ui/good", access.AccountsRead, func(*view.Request) (view.Page, error) {
			return view.Page{Title: "Good", Section: "Accounts", Templates: templates, Name: "page", Data: "a\u202eb\x01<i>", Source: "/v1/accounts?a=b", CSV: "/ui/good.csv"}, nil
		}),
		k.Get("/ui/refused", access.AccountsRead, func(r *view.Request) (view.Page, error) {
			_, err := r.API.Get(r.Ctx(), "/v1/accounts", nil)
			return view.Page{Title: "Refused", Section: "Accounts"}, err
		}),
		k.Get("/ui/broken", access.AccountsRead, func(*view.Request) (view.Page, error) {
			return view.Page{}, errors.New("secret cause")
		}))
	return s.Handler()
}

// get returns the answer of a page.
func get(t *testing.T, server http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil))
	return w
}

var address = regexp.MustCompile(`/ui/static/[0-9a-f]+/[a-z.]+`)

func TestPagesArriveWholeUnderAStrictPolicy(t *testing.T) {
	w := get(t, serve(t), "/ui/good")
	text := w.Body.String()
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if w.Code != 200 || w.Header().Get("Content-Security-Policy") != policy || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, wanted := range []string{
		"<title>Good · Passbook</title>", `class="on" aria-current="page">Accounts`, `<body class="aws production">`, "1234 &lt;x&gt;", "<bdi>ledger</bdi> · production · aws", "a[U&#43;202E]b[U&#43;0001]&lt;i&gt;",
		`href="/ui/good.csv">CSV</a>`, "curl -s &#39;http://localhost/v1/accounts?a=b&#39;", `href="/ui/me"`,
	} {
		if !strings.Contains(text, wanted) {
			t.Errorf("the page lacks %q:\n%s", wanted, text)
		}
	}
	if inline := regexp.MustCompile(`<[^>]* (style|on[a-z]+)=|<style|<script(?: defer)?>`).FindString(text); inline != "" {
		t.Errorf("the page has %q, which its policy refuses", inline)
	}
}

func TestFragmentIsOneTemplateOfThePage(t *testing.T) {
	if text := get(t, serve(t), "/ui/good?fragment=part").Body.String(); text != "<b>part</b>" {
		t.Errorf("the fragment is %q", text)
	}
}

func TestFailureStandsInThePlaceOfThePage(t *testing.T) {
	server := serve(t)
	refused := get(t, server, "/ui/refused")
	for _, wanted := range []string{"Overloaded", "Too much &lt;b&gt;.", `href="/problems/overloaded"`, "c-7", "try again in 3 s", "<title>Refused"} {
		if !strings.Contains(refused.Body.String(), wanted) {
			t.Errorf("the refusal lacks %q: %s", wanted, refused.Body)
		}
	}
	broken := get(t, server, "/ui/broken")
	if refused.Code != 503 || broken.Code != 500 || strings.Contains(broken.Body.String(), "secret") || !strings.Contains(broken.Body.String(), "could not be made") {
		t.Errorf("%d, %d %s", refused.Code, broken.Code, broken.Body)
	}
}

// A first visit loads a page, its style and its scripts: at most 100 KB compressed.
func TestAllFilesTogetherAreSmall(t *testing.T) {
	server, bytes := serve(t), 0
	page := get(t, server, "/ui/good").Body.String()
	addresses := address.FindAllString(page, -1)
	if len(addresses) < 4 {
		t.Errorf("the page loads %v", addresses)
	}
	for _, path := range append(addresses, "/ui/good") {
		w := get(t, server, path)
		if w.Code != 200 || path != "/ui/good" && w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		bytes += compressed(t, w.Body.Bytes())
	}
	t.Logf("%d bytes", bytes)
	if bytes > 100_000 {
		t.Errorf("%d bytes, more than 100 KB", bytes)
	}
	if w := get(t, server, "/ui/static/000000000000/console.js"); w.Code != 404 {
		t.Errorf("a file under another hash: %d", w.Code)
	}
}

func compressed(t *testing.T, text []byte) int {
	t.Helper()
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return small.Len()
}

// What others wrote is as they published it: htmx 4.0.1, dist/htmx.min.js of its npm package.
func TestFilesOfOthersAreAsPublished(t *testing.T) {
	for name, wanted := range map[string]string{
		"htmx.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
	} {
		content, err := os.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != wanted {
			t.Errorf("%s has the hash %x", name, sum)
		}
		if licence, err := os.ReadFile("static/" + strings.TrimSuffix(name, ".js") + ".LICENSE"); err != nil || len(licence) < 400 {
			t.Errorf("the licence of %s: %d bytes, %v", name, len(licence), err)
		}
	}
}

func ExampleAmount() {
	fmt.Println(view.Amount(250000, "EUR"), view.Amount(-5, "EUR"), view.Amount(48120300, "JPY"), view.Signed(250000, "EUR"), view.Count(1229))
	// Output: 2,500.00 −0.05 48,120,300 +2,500.00 1,229
}
