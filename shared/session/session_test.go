package session_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"passbook/shared/access"
	"passbook/shared/access/oidc/oidctest"
	"passbook/shared/session"
)

// The two ways in which a browser reaches a bank.
var ways = []string{"https://bank.example", "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"}

func TestPersonSignsInWithAKeyAndOut(t *testing.T) {
	for _, at := range ways {
		b := newBrowser(t, serve(session.Config{Auth: newKeys()}), at)
		b.must("before", b.get("/ui/me"), 303, "/ui/login?to=%2Fui%2Fme")
		b.must("the form", b.get("/ui/login"), 200, "API key")
		b.must("the right key", b.signIn("  "+goodKey+"\n"), 303, "/ui/?signed-in")
		if a := b.get("/ui/?a=b&signed-in"); a.StatusCode != 303 || a.Header.Get("Location") != "/ui/?a=b" {
			t.Errorf("%s: the page after the sign-in: %d to %q", at, a.StatusCode, a.Header.Get("Location"))
		}
		page := b.get("/ui/me")
		b.must("who I am", page, 200, "key:AAAAAAAAAAAA")
		b.must("who I am", page, 200, "north")
		b.must("who I am", page, 200, "accounts:read")
		if strings.Contains(page.body, "money:withdraw") {
			t.Error("the page names scopes that the key has not")
		}
		b.must("again", b.get("/ui/login?to=/ui/"), 303, "/ui/")
		b.must("sign out", b.post("/ui/logout", "token", page.token()), 303, "/ui/login?notice=out")
		b.must("after", b.get("/ui/me"), 303, "/ui/login")
		b.must("the notice", b.get("/ui/login?notice=out"), 200, "You are signed out.")
		if len(b.cookies) > 1 { // that of the sign-in form
			t.Errorf("%s: cookies remain: %v", at, b.cookies)
		}
	}
}

func TestWrongKeysAreRefused(t *testing.T) {
	keys := newKeys()
	b := newBrowser(t, serve(session.Config{Auth: keys}), ways[0])
	b.must("unknown", b.signIn("pb_BBBBBBBBBBBB_bad<script>"), 401, "no valid key")
	b.must("expired", b.signIn("pb_AAAAAAAAAAAA_over"), 401, "expired")
	b.must("empty", b.signIn(" "), 401, "Enter your API key")
	keys.down = true
	b.must("cannot be checked", b.signIn(goodKey), 503, "Try again")
	keys.down = false
	form := b.get("/ui/login")
	b.must("no token", b.post("/ui/login", "key", goodKey), 403, "Try again")
	b.must("another token", b.post("/ui/login", "key", goodKey, "token", form.token()+"x"), 403, "Try again")
	b.must("a large form", b.post("/ui/login", "token", form.token(), "key", strings.Repeat("x", 20<<10)), 403, "Try again")
	if b.cookies["__Host-passbook"] != nil {
		t.Error("a session began")
	}
	other := newBrowser(t, b.server, ways[0])
	b.must("the token of another browser", b.post("/ui/login", "key", goodKey, "token", other.get("/ui/login").token()), 403, "Try again")
}

// A form is taken only from the bank's own page, to sign in and to sign out.
func TestFormsOfOtherPagesAreRefused(t *testing.T) {
	b := newBrowser(t, serve(session.Config{Auth: newKeys()}), ways[0])
	for _, origin := range []string{"https://evil.example", "https://bank.example.evil.example", "https://bank.example:8443", "null", ""} {
		b.must("sign in from "+origin, b.postFrom(origin, "/ui/login", "token", b.get("/ui/login").token(), "key", goodKey), 403, "")
	}
	b.signIn(goodKey)
	page := b.get("/ui/me")
	for _, origin := range []string{"https://evil.example", "null", ""} {
		b.must("sign out from "+origin, b.postFrom(origin, "/ui/logout", "token", page.token()), 403, "still signed in")
	}
	b.must("sign out without a token", b.post("/ui/logout"), 403, "still signed in")
	b.must("sign out with another's token", b.post("/ui/logout", "token", "x"), 403, "still signed in")
	b.must("still signed in", b.get("/ui/me"), 200, "key:AAAAAAAAAAAA")
	other := newBrowser(t, b.server, ways[0])
	other.signIn(goodKey)
	b.must("sign out with the token of another session", b.post("/ui/logout", "token", other.get("/ui/me").token()), 403, "still signed in")
}

// A session is as good as its bearer: it ends with it, and at the latest after eight hours.
func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys()
		b := newBrowser(t, serve(session.Config{Auth: keys}), ways[0])
		b.signIn(goodKey)
		who := keys.known[goodKey]
		delete(keys.known, goodKey)
		b.must("revoked", b.get("/ui/me"), 303, "notice=ended")
		keys.known[goodKey] = nil
		b.must("expired", b.get("/ui/me"), 303, "notice=ended")
		keys.known[goodKey] = who
		keys.down = true
		b.must("cannot be checked", b.get("/ui/me"), 503, "cannot be checked")
		keys.down = false
		b.must("valid again", b.get("/ui/me"), 200, "in 8 h 0 min")
		time.Sleep(hours - time.Second)
		b.must("almost eight hours later", b.get("/ui/me"), 200, "in 0 min")
		time.Sleep(time.Second)
		b.must("eight hours later", b.get("/ui/me"), 303, "notice=ended")
		who = &access.Principal{Actor: "key:CCCCCCCCCCCC", Tenant: "main", Expires: time.Now().Add(90 * time.Minute)}
		keys.known["pb_CCCCCCCCCCCC_short"] = who
		b.signIn("pb_CCCCCCCCCCCC_short")
		b.must("until the key ends", b.get("/ui/me"), 200, "in 1 h 30 min")
	})
}

// A page of the console is for who has its scopes, and its form for who has the page.
func TestPagesNeedScopesAndFormsTokens(t *testing.T) {
	keys := newKeys()
	const mover = "pb_CCCCCCCCCCCC_mover"
	keys.known[mover] = &access.Principal{Actor: "key:CCCCCCCCCCCC", Tenant: "south", Scopes: access.OpsWrite}
	b := newBrowser(t, serve(session.Config{Auth: keys}), ways[0])
	b.must("nobody's page", b.get("/ui/move?a=b"), 303, "/ui/login?to=%2Fui%2Fmove%3Fa%3Db")
	b.must("nobody's form", b.post("/ui/move"), 401, "Nothing was changed")
	b.signIn(goodKey)
	b.must("the page without the scope", b.get("/ui/move"), 403, "ops:write")
	b.must("the form without the scope", b.post("/ui/move", "token", b.get("/ui/me").token()), 403, "ops:write")
	clear(b.cookies)
	b.signIn(mover)
	token := b.get("/ui/me").token()
	b.must("the page", b.get("/ui/move"), 200, "moved by key:CCCCCCCCCCCC of south")
	b.must("without a token", b.post("/ui/move"), 403, "Nothing was changed")
	b.must("with another token", b.post("/ui/move", "token", "x"+token), 403, "Nothing was changed")
	b.must("from another page", b.postFrom("https://evil.example", "/ui/move", "token", token), 403, "Nothing was changed")
	b.must("the form", b.post("/ui/move", "token", token), 200, "moved by key:CCCCCCCCCCCC of south")
}

// Cookies that another bank or nobody made, or that are for something else, are as none.
func TestForgedCookiesAreAsNone(t *testing.T) {
	b := newBrowser(t, serve(session.Config{Auth: newKeys()}), ways[0])
	b.get("/ui/login")
	signIn := b.cookies["__Host-passbook-sign-in"].Value
	b.signIn(goodKey)
	good := b.cookies["__Host-passbook"].Value
	other := newBrowser(t, serve(session.Config{Auth: newKeys(), Derive: func(label string) ([]byte, bool) { return derive("other " + label) }}), ways[0])
	other.signIn(goodKey)
	changed := "A" + good[1:]
	if changed == good { // one cookie in 64 begins with it
		changed = "B" + good[1:]
	}
	for what, value := range map[string]string{
		"another bank's":     other.cookies["__Host-passbook"].Value,
		"that of a sign-in":  signIn,
		"a changed one":      changed,
		"a shortened one":    good[:len(good)-4],
		"the key":            goodKey,
		"one with a padding": good + "=",
	} {
		b.cookies["__Host-passbook"].Value = value
		b.must(what, b.get("/ui/me"), 303, "/ui/login")
	}
	b.cookies["__Host-passbook"].Value = good
	b.must("the right one", b.get("/ui/me"), 200, "key:AAAAAAAAAAAA")
	b.cookies["twice"] = &http.Cookie{Name: "__Host-passbook", Value: good}
	b.must("two of the name", b.get("/ui/me"), 303, "/ui/login")
	delete(b.cookies, "twice")
	b.at = "http://localhost"
	b.must("under another name", b.get("/ui/me"), 303, "/ui/login")
	b.at = ways[0]
	for _, value := range []string{good, signIn} {
		if strings.Contains(value, "pb_") {
			t.Error("a cookie is not sealed")
		}
	}
}

func TestPersonSignsInAtTheProvider(t *testing.T) {
	for _, at := range ways {
		p := oidctest.Unserved(t)
		b := newBrowser(t, atProvider(t, p), at)
		b.must("the page", b.get("/ui/login?to=/ui/"), 200, "Continue to 127.0.0.1:1")
		back := b.follow(p, b.get("/ui/login?start&to=/ui/"))
		b.must("back", b.get(back), 303, "/ui/?signed-in")
		page := b.get("/ui/me")
		b.must("who I am", page, 200, "oidc:")
		b.must("the answer again", b.get(back), 400, "took too long")
		b.must("sign out", b.post("/ui/logout", "token", page.token()), 303, "/ui/login?notice=out")
		b.must("sign out there", b.get("/ui/login?notice=out"), 200, p.Issuer+"/end?client_id=")
	}
}

func TestSignInAtTheProviderFails(t *testing.T) {
	p := oidctest.Unserved(t)
	b := newBrowser(t, atProvider(t, p), ways[0])
	back := b.follow(p, b.get("/ui/login?start"))
	b.must("another state", b.get(strings.Replace(back, "state=", "state=x", 1)), 403, "belongs to another sign-in")
	b.must("refused", b.get("/ui/callback?error=access_denied&"+back[strings.Index(back, "state="):]), 403, "access_denied")
	other := newBrowser(t, b.server, ways[0])
	b.must("in another browser", other.get(back), 400, "took too long")
	p.Person["tenant"] = nil
	b.must("no tenant", b.get(b.follow(p, b.get("/ui/login?start"))), 403, "the claim tenant")
	p.Person["tenant"], p.Person["groups"] = "main", strings.Repeat("group ", 900)
	b.must("a large token", b.get(b.follow(p, b.get("/ui/login?start"))), 502, "too large")
	p.Person["groups"] = nil
	back = b.follow(p, b.get("/ui/login?start"))
	p.Down = 503
	b.must("down", b.get(back), 503, "cannot be reached")
	b.must("a key is not taken", b.post("/ui/login", "key", goodKey), 303, "/ui/login")
	if b.cookies["__Host-passbook"] != nil {
		t.Error("a session began")
	}
}

// Tokens often end before sessions: the browser fetches another, and the eight hours do not begin
// again.
func TestSessionsAreRenewedAtTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.Unserved(t)
		b := newBrowser(t, atProvider(t, p), ways[0])
		b.get(b.follow(p, b.get("/ui/login?start")))
		form := b.get("/ui/me").token()
		time.Sleep(61 * time.Minute)
		b.must("a form after the token's end", b.post("/ui/logout", "token", form), 303, "out")
		b.get(b.follow(p, b.get("/ui/login?start")))
		for range 7 {
			time.Sleep(61 * time.Minute)
			b.must("with another token", b.get(b.follow(p, b.get("/ui/me"))), 303, "/ui/me?signed-in")
			b.must("who I am", b.get("/ui/me"), 200, "oidc:")
		}
		time.Sleep(54 * time.Minute)
		b.must("after eight hours", b.get("/ui/me"), 303, "/ui/login")
	})
}

func TestNobodySignsInToADevelopmentBank(t *testing.T) {
	b := newBrowser(t, serve(session.Config{}), ways[1])
	for _, derives := range []func(string) ([]byte, bool){derive, func(string) ([]byte, bool) { return nil, false }} {
		b.server = serve(session.Config{Derive: derives})
		b.must("the page", b.get("/ui/me"), 200, "--auth dev")
		b.must("sign in", b.get("/ui/login"), 303, "/ui/")
		b.must("sign in", b.post("/ui/login", "key", goodKey), 303, "/ui/login")
		b.must("sign out", b.post("/ui/logout"), 303, "/ui/")
		b.must("callback", b.get("/ui/callback?code=1&state=1"), 303, "/ui/")
	}
}

func TestBanksThatCannotSignBrowsersInSaySo(t *testing.T) {
	none := func(string) ([]byte, bool) { return nil, false }
	b := newBrowser(t, serve(session.Config{Auth: newKeys(), Derive: none}), ways[0])
	b.must("no data key", b.get("/ui/login"), 503, "bank upgrade")
	b.must("no data key", b.get("/ui/me"), 303, "/ui/login")
	b.cookies["passbook"] = &http.Cookie{Name: "__Host-passbook", Value: "AAAA"}
	b.must("no data key, with a cookie", b.get("/ui/me"), 303, "/ui/login")
}

// The paths of sign-in lead nowhere but to pages of the bank.
func TestSignInLeadsNowhereElse(t *testing.T) {
	b := newBrowser(t, serve(session.Config{Auth: newKeys()}), ways[0])
	for _, to := range []string{"https://evil.example", "//evil.example", "/ui//evil.example", "/ui/\\evil.example", "/v1/accounts", "/ui/login", "javascript:alert(1)", "/ui/\r\nSet-Cookie: a=b", ""} {
		form := b.get("/ui/login")
		a := b.post("/ui/login", "token", form.token(), "key", goodKey, "to", to)
		if got := a.Header.Get("Location"); got != "/ui/?signed-in" {
			t.Errorf("%q leads to %q", to, got)
		}
		clear(b.cookies)
	}
	form := b.get("/ui/login?to=/ui/accounts%3Fa=b")
	b.must("a page of the bank", b.post("/ui/login", "token", form.token(), "key", goodKey, "to", "/ui/accounts?a=b"), 303, "/ui/accounts?a=b&signed-in")
}

// A browser that reaches the bank by http under a name drops the cookie, which the page explains.
func TestBrowserWithoutHTTPSIsTold(t *testing.T) {
	b := newBrowser(t, serve(session.Config{Auth: newKeys()}), ways[0])
	b.must("without a cookie after the sign-in", b.get("/ui/?signed-in"), 303, "notice=no-https")
	b.must("the notice", b.get("/ui/login?notice=no-https"), 200, "only over https")
}

// Every page has the policy that allows no scripts, and says nothing that was not escaped.
func TestPagesRunNoScripts(t *testing.T) {
	keys := newKeys()
	keys.known["pb_CCCCCCCCCCCC_x"] = &access.Principal{Actor: "key:<script>alert(1)</script>", Tenant: "main"}
	b := newBrowser(t, serve(session.Config{Auth: keys}), ways[0])
	pages := map[string]answer{"login": b.get(`/ui/login?to=/ui/"><script>&notice=<script>`), "callback": b.get("/ui/callback"), "wrong": b.signIn("<script>")}
	b.signIn("pb_CCCCCCCCCCCC_x")
	pages["whoami"] = b.get("/ui/me")
	pages["refused"] = b.post("/ui/logout")
	for name, page := range pages {
		policy := page.Header.Get("Content-Security-Policy")
		if page.StatusCode != 303 && (!strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || page.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %v", name, page.Header)
		}
		if strings.Contains(page.body, "<script") || strings.Contains(page.body, "style=") {
			t.Errorf("%s: %s", name, page.body)
		}
	}
	if a := b.get("/ui/style.css"); a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/css") {
		t.Errorf("style: %d %v", a.StatusCode, a.Header)
	}
}

// Tokens that a browser can keep are as long as what it keeps, almost.
func TestTokensThatABrowserKeeps(t *testing.T) {
	p := oidctest.Unserved(t)
	b := newBrowser(t, atProvider(t, p), ways[0])
	for _, size := range []int{0, 1000, 2300} {
		p.Person["groups"] = strings.Repeat("g", size)
		token := p.Token(jwt.MapClaims{})
		b.must(fmt.Sprintf("a token of %d bytes", len(token)), b.get(b.follow(p, b.get("/ui/login?start"))), 303, "/ui/?signed-in")
		clear(b.cookies)
	}
}
