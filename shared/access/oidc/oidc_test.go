package oidc_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"passbook/shared/access"
	"passbook/shared/access/oidc"
	"passbook/shared/access/oidc/oidctest"
)

// derive returns a bank's key of a label.
func derive(label string) ([]byte, bool) { return []byte("the key of " + label), true }

// config returns the settings of a bank at a provider that no network is needed for.
func config(p *oidctest.Provider) oidc.Config {
	return oidc.Config{
		Issuer: p.Issuer, Audience: oidctest.Audience, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
		Derive: derive, Log: slog.New(slog.DiscardHandler), Transport: p,
	}
}

func open(t *testing.T, c oidc.Config) *oidc.Authenticator {
	t.Helper()
	a, err := oidc.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs an Authenticator until the test ends.
func run(t *testing.T, a *oidc.Authenticator) {
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
}

// mustBe fails the test unless authenticating a bearer gives an error of a kind, nil for none.
func mustBe(t *testing.T, what string, a *oidc.Authenticator, bearer string, want error) *access.Principal {
	t.Helper()
	p, err := a.Authenticate(t.Context(), bearer)
	if !errors.Is(err, want) || (p == nil) != (want != nil) {
		t.Errorf("%s: %v, %v, want %v", what, p, err, want)
	}
	if err != nil && bearer != "" && strings.Contains(err.Error(), bearer) {
		t.Errorf("%s: the error has the credential: %v", what, err)
	}
	return p
}

func TestTokensOfTheProviderAreAccepted(t *testing.T) {
	p := oidctest.New(t)
	c := config(p)
	c.Transport = nil
	a := open(t, c)
	for _, algorithm := range []string{"RS256", "ES256"} {
		for range 2 { // the second answer is remembered
			got := mustBe(t, algorithm, a, p.Sign(algorithm, p.Claims(nil)), nil)
			if got.Tenant != "main" || got.AllTenants || strings.Join(got.Scopes.Names(), " ") != "accounts:read ops:read pii:read" || time.Until(got.Expires) < 50*time.Minute {
				t.Errorf("%s: %+v", algorithm, got)
			}
			if len(got.Actor) != 31 || !strings.HasPrefix(got.Actor, "oidc:") || strings.Contains(got.Actor, "ada") {
				t.Errorf("%s: actor %s", algorithm, got.Actor)
			}
		}
	}
	mustBe(t, "an access token of RFC 9068", a, p.SignAs("RS256", "at+jwt", p.Claims(nil)), nil)
	mustBe(t, "several audiences", a, p.Token(jwt.MapClaims{"aud": []string{"another", oidctest.Audience}}), nil)
}

func TestTokensThatAreNotTheProvidersAreRefused(t *testing.T) {
	p, other := oidctest.Unserved(t), oidctest.Unserved(t)
	a := open(t, config(p))
	good, claims := p.Token(nil), p.Claims(nil)
	parts := strings.Split(good, ".")
	for what, token := range map[string]string{
		"not signed":                       p.Sign("none", claims),
		"signed with the public key":       p.Sign("HS256", claims),
		"another algorithm":                p.Sign("RS384", claims),
		"another provider's key":           other.Sign("RS256", claims),
		"another issuer":                   p.Token(jwt.MapClaims{"iss": "https://other.example"}),
		"no issuer":                        p.Token(jwt.MapClaims{"iss": nil}),
		"another audience":                 p.Token(jwt.MapClaims{"aud": "other"}),
		"the client's audience":            p.Token(jwt.MapClaims{"aud": oidctest.ClientID}),
		"no audience":                      p.Token(jwt.MapClaims{"aud": nil}),
		"no end":                           p.Token(jwt.MapClaims{"exp": nil}),
		"an end that is no number":         p.Token(jwt.MapClaims{"exp": "tomorrow"}),
		"a logout token":                   p.SignAs("RS256", "logout+jwt", claims),
		"no signature":                     parts[0] + "." + parts[1] + ".",
		"other claims under the signature": parts[0] + "." + strings.Split(p.Token(jwt.MapClaims{"tenant": "*"}), ".")[1] + "." + parts[2],
		"two parts":                        parts[0] + "." + parts[1],
		"an API key":                       "pb_ABCDEFGHIJKL_secret",
		"JSON serialization":               `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
	} {
		mustBe(t, what, a, token, access.ErrInvalid)
	}
	mustBe(t, "nothing", a, "", access.ErrMissing)
	mustBe(t, "the right one", a, good, nil)
}

func TestClocksMayDifferByAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.Unserved(t)
		a := open(t, config(p))
		at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
		mustBe(t, "ended 59 s ago", a, p.Token(jwt.MapClaims{"exp": at(-59 * time.Second)}), nil)
		mustBe(t, "ended a minute ago", a, p.Token(jwt.MapClaims{"exp": at(-60 * time.Second)}), access.ErrExpired)
		mustBe(t, "valid in a minute", a, p.Token(jwt.MapClaims{"nbf": at(60 * time.Second)}), nil)
		mustBe(t, "valid in 61 s", a, p.Token(jwt.MapClaims{"nbf": at(61 * time.Second)}), access.ErrInvalid)
		mustBe(t, "issued in a minute", a, p.Token(jwt.MapClaims{"iat": at(60 * time.Second)}), nil)
		mustBe(t, "issued in 61 s", a, p.Token(jwt.MapClaims{"iat": at(61 * time.Second)}), access.ErrInvalid)
		mustBe(t, "no iat", a, p.Token(jwt.MapClaims{"iat": nil}), nil)
		remembered := p.Token(jwt.MapClaims{"exp": at(time.Minute)})
		mustBe(t, "before its end", a, remembered, nil)
		time.Sleep(119 * time.Second)
		mustBe(t, "59 s after its end", a, remembered, nil)
		time.Sleep(time.Second)
		mustBe(t, "a minute after its end", a, remembered, access.ErrExpired)
	})
}

func TestKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.Unserved(t)
		a := open(t, config(p))
		run(t, a)
		before := p.Token(nil)
		mustBe(t, "under the first key", a, before, nil)
		p.Rotate()
		mustBe(t, "under the new key, which was never read", a, p.Token(nil), nil)
		mustBe(t, "under the key that is gone, although it was remembered", a, before, access.ErrInvalid)
	})
}

// A key that the provider withdraws ends within minutes, without a token under another.
func TestKeysThatAreWithdrawnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.Unserved(t)
		a := open(t, config(p))
		run(t, a)
		before := p.Token(nil)
		mustBe(t, "before", a, before, nil)
		p.Rotate()
		time.Sleep(5*time.Minute + time.Second)
		mustBe(t, "after", a, before, access.ErrInvalid)
	})
}

// Forged tokens under unknown keys cause one call in five seconds, however many there are.
func TestUnknownKeysCostFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, forger := oidctest.Unserved(t), oidctest.Unserved(t)
		a := open(t, config(p))
		forged, began := forger.Token(nil), p.KeyReads
		for range 1000 {
			mustBe(t, "forged", a, forged, access.ErrInvalid)
		}
		if n := p.KeyReads - began; n != 1 {
			t.Errorf("1,000 forged tokens read the keys %d times", n)
		}
		p.Rotate()
		time.Sleep(5 * time.Second)
		mustBe(t, "under a new key", a, p.Token(nil), nil)
		if n := p.KeyReads - began; n != 2 {
			t.Errorf("the keys were read %d times", n)
		}
	})
}

func TestProviderThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.Unserved(t)
		p.Down = 503
		a := open(t, config(p))
		run(t, a)
		good := p.Token(nil)
		mustBe(t, "never reached", a, good, access.ErrUnavailable)
		if a.Ready(t.Context()) == nil {
			t.Error("ready without a key")
		}
		set := func(status int) {
			p.Lock()
			defer p.Unlock()
			p.Down = status
		}
		set(0)
		time.Sleep(time.Minute)
		if err := a.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		long := p.Token(jwt.MapClaims{"exp": time.Now().Add(3 * time.Hour).Unix()})
		mustBe(t, "reached", a, long, nil)
		set(500)
		time.Sleep(50 * time.Minute)
		mustBe(t, "known keys", a, p.Token(nil), nil)
		other := oidctest.Unserved(t)
		mustBe(t, "an unknown key", a, other.Token(nil), access.ErrUnavailable)
		mustBe(t, "an unknown key again", a, other.Token(nil), access.ErrUnavailable)
		time.Sleep(20 * time.Minute)
		mustBe(t, "keys that were not read for an hour", a, long, access.ErrUnavailable)
		mustBe(t, "keys that were not read for an hour, of a new token", a, p.Token(nil), access.ErrUnavailable)
		set(0)
		time.Sleep(time.Minute)
		mustBe(t, "reached again", a, long, nil)
	})
}

func TestSettingsThatCannotBeUsed(t *testing.T) {
	p := oidctest.Unserved(t)
	for what, change := range map[string]func(*oidc.Config){
		"plain http":      func(c *oidc.Config) { c.Issuer = "http://login.example" },
		"no host":         func(c *oidc.Config) { c.Issuer = "login.example" },
		"a query":         func(c *oidc.Config) { c.Issuer += "?a=b" },
		"another issuer":  func(c *oidc.Config) { c.Issuer += "/" },
		"no audience":     func(c *oidc.Config) { c.Audience = "" },
		"no issuer given": func(c *oidc.Config) { c.Issuer = "" },
	} {
		c := config(p)
		change(&c)
		if _, err := oidc.Open(t.Context(), c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
