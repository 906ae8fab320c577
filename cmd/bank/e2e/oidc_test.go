package e2e

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"passbook/cmd/internal/golden"
	"passbook/cmd/internal/programtest"
	"passbook/shared/access/oidc/oidctest"
)

// withProvider serves a bank that takes tokens of a provider, and signs people in there.
func withProvider(t *testing.T, data string, p *oidctest.Provider) *bank {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(oidctest.ClientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, data, "--auth", "oidc", "--oidc-issuer", p.Issuer, "--oidc-audience", oidctest.Audience,
		"--oidc-client-id", oidctest.ClientID, "--oidc-client-secret-file", secret)
}

// personal matches the actor of a person.
var personal = regexp.MustCompile(`oidc:[a-z2-7]{26}`)

// A person's commands have a pseudonym as their actor, the same after a restart. The name is in no
// file but the table, is shown to who may read names, and is gone once it was erased.
func TestPersonsHaveActorsAndErasableNames(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	b := withProvider(t, t.TempDir(), p)
	b.bearer = p.Token(jwt.MapClaims{"scope": "accounts:write accounts:read"})
	if a := b.post(t, "/v1/accounts", "k1", `{"account_id":"A-1","currency":"EUR"}`); a.status != 201 {
		t.Fatal(a.text)
	}
	events := b.get(t, "/v1/accounts/A-1/events")
	actor := personal.FindString(events.text)
	if actor == "" || strings.Contains(events.text, "Ada") || strings.Contains(events.text, "actor_name") {
		t.Fatalf("without pii:read: %s", events.text)
	}
	b.Kill()
	b = withProvider(t, b.data, p)
	p.Rotate()
	b.bearer = p.Token(jwt.MapClaims{"scope": "accounts:write accounts:read pii:read"})
	if a := b.post(t, "/v1/accounts", "k2", `{"account_id":"A-2","currency":"EUR"}`); a.status != 201 {
		t.Fatal(a.text)
	}
	programtest.Every(t, 50*time.Millisecond, "the events have the name", func() error {
		if again := b.get(t, "/v1/accounts/A-2/events").text; !strings.Contains(again, actor) || !strings.Contains(again, `"actor_name":"Ada Lovelace"`) {
			return fmt.Errorf("%s", again)
		}
		return nil
	})
	got := programtest.Run(t, "", nil, "bank", "actor", "erase", actor, "--reason", "asked for", "--data", b.data)
	if got.Code != 0 || !strings.Contains(got.Out, "is erased") {
		t.Fatalf("erase: %d %s%s", got.Code, got.Out, got.ErrOut)
	}
	if after := b.get(t, "/v1/accounts/A-2/events").text; strings.Contains(after, "Ada") || !strings.Contains(after, actor) {
		t.Errorf("after the name was erased: %s", after)
	}
	if logged := programtest.Run(t, "", nil, "bank", "log", "--data", b.data); !strings.Contains(logged.Out, "actor-erase") || !strings.Contains(logged.Out, "asked for") {
		t.Errorf("the operators' log: %s%s", logged.Out, logged.ErrOut)
	}
	if text := b.Out.String(); strings.Contains(text, "Ada") || strings.Contains(text, b.bearer) {
		t.Errorf("the log has a name or a token: %s", text)
	}
	for _, args := range [][]string{{"key:7hQ2mZ0dXk4B"}, {actor, "--tenant", "#"}} {
		if got := programtest.Run(t, "", nil, "bank", append([]string{"actor", "erase", "--data", b.data}, args...)...); got.Code != 2 {
			t.Errorf("erase %q: %d %s", args, got.Code, got.ErrOut)
		}
	}
}

// A browser signs in at the provider, sees who it is, and signs out. Its cookie opens no route of
// the API.
func TestBrowserSignsInAtTheProvider(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	b := withProvider(t, t.TempDir(), p)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	open := func(path string, form url.Values) (int, string, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Base+path, nil)
		if form != nil {
			request, err = http.NewRequestWithContext(t.Context(), http.MethodPost, b.Base+path, strings.NewReader(form.Encode()))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Origin", b.Base)
		}
		if err != nil {
			t.Fatal(err)
		}
		answer, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Request.URL.Path, html.UnescapeString(string(text))
	}
	if status, at, page := open("/ui/", nil); status != 200 || at != "/ui/login" || !strings.Contains(page, "Continue to 127.0.0.1") {
		t.Fatalf("before: %d %s %s", status, at, page)
	}
	// the page's link leads to the provider, and the provider back
	status, at, page := open("/ui/login?start&to=/ui/me", nil)
	if status != 200 || at != "/ui/me" || !personal.MatchString(page) || !strings.Contains(page, "accounts:read") {
		t.Fatalf("signed in: %d %s %s", status, at, page)
	}
	if status, _, text := open("/v1/accounts", nil); status != 401 || !strings.Contains(text, "credentials-missing") {
		t.Errorf("the API by the cookie: %d %s", status, text)
	}
	programtest.Every(t, 50*time.Millisecond, "the page has the name", func() error {
		if _, _, page := open("/ui/me", nil); !strings.Contains(page, "Ada Lovelace") {
			return fmt.Errorf("%s", page)
		}
		return nil
	})
	_, token, _ := strings.Cut(page, `name="token" value="`)
	token, _, _ = strings.Cut(token, `"`)
	if status, at, page := open("/ui/logout", url.Values{"token": {token}}); status != 200 || at != "/ui/login" || !strings.Contains(page, "You are signed out.") {
		t.Errorf("sign out: %d %s %s", status, at, page)
	}
	if _, at, _ := open("/ui/", nil); at != "/ui/login" {
		t.Errorf("after: %s", at)
	}
}

// A bank starts while its provider is down, and takes tokens once it is reached.
func TestBankStartsWithoutItsProvider(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	p.Lock()
	p.Down = 503
	p.Unlock()
	b := withProvider(t, t.TempDir(), p)
	b.bearer = p.Token(nil)
	if a := b.get(t, "/v1/accounts"); a.status != 503 || a.code() != "access-unavailable" {
		t.Errorf("down: %d %s", a.status, a.text)
	}
	p.Lock()
	p.Down = 0
	p.Unlock()
	b.becomes(t, 200)
}

// A bank of entry format 1 has no key from which an actor could be made.
func TestOlderBankTakesNoTokens(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	data := golden.Unpack(t, golden.First)
	got := programtest.Run(t, "", nil, "bank", "serve", "--listen", "127.0.0.1:0", "--data", data,
		"--auth", "oidc", "--oidc-issuer", p.Issuer, "--oidc-audience", oidctest.Audience)
	if got.Code != 1 || !strings.Contains(got.ErrOut, "bank upgrade") {
		t.Errorf("%d %s%s", got.Code, got.Out, got.ErrOut)
	}
}
