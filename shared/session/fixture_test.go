package session_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/access/oidc"
	"passbook/shared/access/oidc/oidctest"
	"passbook/shared/session"
	"passbook/shared/web"
)

// keys are API keys by bearer. A nil principal is an expired one.
type keys struct {
	sync.Mutex
	known map[string]*access.Principal
	down  bool
}

func (k *keys) Authenticate(_ context.Context, bearer string) (*access.Principal, error) {
	k.Lock()
	defer k.Unlock()
	p, ok := k.known[bearer]
	switch {
	case k.down:
		return nil, access.ErrUnavailable
	case !ok:
		return nil, access.ErrInvalid
	case p == nil:
		return nil, access.ErrExpired
	}
	return p, nil
}

// goodKey is a key that the fixture knows.
const goodKey = "pb_AAAAAAAAAAAA_good"

func newKeys() *keys {
	return &keys{known: map[string]*access.Principal{
		goodKey:                {Actor: "key:AAAAAAAAAAAA", Tenant: "north", Scopes: access.AccountsRead | access.OpsRead},
		"pb_AAAAAAAAAAAA_over": nil,
	}}
}

// derive returns a bank's key of a label.
func derive(label string) ([]byte, bool) { return []byte((label + strings.Repeat("x", 32))[:32]), true }

// serve returns a server with the pages.
func serve(c session.Config) http.Handler {
	c.Log = slog.New(slog.DiscardHandler)
	if c.Derive == nil {
		c.Derive = derive
	}
	s := web.New(web.Config{Service: "test", Logger: c.Log, Registry: prometheus.NewRegistry(), Auth: c.Auth, MaxInFlight: 4})
	p := session.New(c)
	s.Mount(append(p.Routes(), p.Home())...)
	// a page with a form, as the console has them
	move := p.Page(access.OpsWrite, func(c echo.Context, v session.Visit) error {
		return c.String(http.StatusOK, "moved by "+v.Actor+" of "+access.From(c.Request().Context()).Tenant)
	})
	s.Mount(p.Route(http.MethodPost, "/ui/move", move), p.Route(http.MethodGet, "/ui/move", move))
	// a read of the API
	s.Mount(web.Route{Method: http.MethodGet, Path: "/v1/read", Open: true, Handler: func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }})
	return s.Handler()
}

// browser keeps cookies as a browser does, for one host.
type browser struct {
	t       *testing.T
	server  http.Handler
	at      string // scheme and host
	cookies map[string]*http.Cookie
}

func newBrowser(t *testing.T, server http.Handler, at string) *browser {
	return &browser{t: t, server: server, at: at, cookies: map[string]*http.Cookie{}}
}

// answer is an answer, read.
type answer struct {
	*http.Response
	body string
}

// send sends a request with the browser's cookies, and keeps those that the answer sets.
func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	recorder := httptest.NewRecorder()
	b.server.ServeHTTP(recorder, r)
	a := answer{Response: recorder.Result()}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a.body = string(body)
	for _, c := range a.Cookies() {
		b.mustKeep(c)
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return a
}

// mustKeep fails the test unless a browser keeps a cookie and gives it to nobody else.
func (b *browser) mustKeep(c *http.Cookie) {
	b.t.Helper()
	if secure := strings.HasPrefix(b.at, "https://"); c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure || secure && c.Path != "/" || c.Domain != "" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge > 8*3600 {
		b.t.Errorf("a cookie at %s: %v", b.at, c)
	}
}

// get opens a page.
func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.send(httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, b.at+path, nil))
}

// post sends a form, as a page of the bank does.
func (b *browser) post(path string, fields ...string) answer {
	b.t.Helper()
	return b.postFrom(b.at, path, fields...)
}

// postFrom sends a form, as a page of an origin does.
func (b *browser) postFrom(origin, path string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, b.at+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return b.send(r)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token returns the token of the form of a page.
func (a answer) token() string {
	if found := tokenField.FindStringSubmatch(a.body); found != nil {
		return found[1]
	}
	return ""
}

// signIn signs in with a key.
func (b *browser) signIn(key string) answer {
	b.t.Helper()
	return b.post("/ui/login", "token", b.get("/ui/login").token(), "key", key)
}

// must fails the test unless an answer has a status, and the text or, of a redirect, leads there.
func (b *browser) must(what string, a answer, status int, text string) {
	b.t.Helper()
	if a.StatusCode != status || !strings.Contains(a.body+a.Header.Get("Location"), text) {
		b.t.Errorf("%s: %d %s %s, want %d and %q", what, a.StatusCode, a.Header.Get("Location"), a.body, status, text)
	}
	if strings.Contains(a.body, goodKey) {
		b.t.Errorf("%s: the page has the key", what)
	}
}

// atProvider returns pages whose people sign in at a provider.
func atProvider(t *testing.T, p *oidctest.Provider) http.Handler {
	t.Helper()
	a, err := oidc.Open(t.Context(), oidc.Config{
		Issuer: p.Issuer, Audience: oidctest.Audience, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
		Derive: derive, Log: slog.New(slog.DiscardHandler), Transport: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return serve(session.Config{Auth: a, Provider: a, Client: true})
}

// follow opens the page of the provider to which an answer leads, and returns the path at which the
// provider sends the browser back.
func (b *browser) follow(p *oidctest.Provider, a answer) string {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, a.Header.Get("Location"), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	sent, err := p.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	back := sent.Header.Get("Location")
	if !strings.HasPrefix(back, b.at+"/ui/callback?") {
		b.t.Fatalf("the provider sent the browser to %q", back)
	}
	return strings.TrimPrefix(back, b.at)
}

// hours is a time far beyond what a session lasts.
const hours = 8 * time.Hour
