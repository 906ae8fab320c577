package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"passbook/shared/access"
	"passbook/shared/access/oidc"
	"passbook/shared/access/oidc/oidctest"
)

const redirect = "https://bank.example/ui/callback"

// signIn goes to the provider as a browser does, and returns the query that it brings back.
func signIn(t *testing.T, p *oidctest.Provider, a *oidc.Authenticator) (url.Values, oidc.Flow) {
	t.Helper()
	address, flow, err := a.Begin(redirect)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := p.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	if got := back.Scheme + "://" + back.Host + back.Path; got != redirect {
		t.Fatalf("sent to %s", got)
	}
	return back.Query(), flow
}

func TestPersonSignsIn(t *testing.T) {
	p := oidctest.Unserved(t)
	a := open(t, config(p))
	answer, flow := signIn(t, p, a)
	bearer, who, err := a.Finish(t.Context(), redirect, answer, flow)
	if err != nil {
		t.Fatal(err)
	}
	if again := mustBe(t, "the bearer", a, bearer, nil); again.Actor != who.Actor || who.Tenant != "main" {
		t.Errorf("%+v, then %+v", who, again)
	}
	if _, _, err := a.Finish(t.Context(), redirect, answer, flow); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("a code was taken twice: %v", err)
	}
	if a.SignOut() != p.Issuer+"/end?client_id="+oidctest.ClientID {
		t.Error(a.SignOut())
	}
}

// A provider whose access tokens are for nobody but itself still signs people in, with the id
// token, if that is for the bank's audience.
func TestPersonSignsInWithTheIDToken(t *testing.T) {
	p := oidctest.Unserved(t)
	p.OpaqueAccess = true
	c := config(p)
	c.Audience = oidctest.ClientID
	a := open(t, c)
	answer, flow := signIn(t, p, a)
	if _, who, err := a.Finish(t.Context(), redirect, answer, flow); err != nil || who.Tenant != "main" {
		t.Errorf("%+v, %v", who, err)
	}
	c.Audience = oidctest.Audience
	a = open(t, c)
	answer, flow = signIn(t, p, a)
	if _, _, err := a.Finish(t.Context(), redirect, answer, flow); !errors.Is(err, access.ErrInvalid) {
		t.Errorf("neither token is for the audience: %v", err)
	}
}

func TestAnswersOfAnotherSignInAreRefused(t *testing.T) {
	p := oidctest.Unserved(t)
	a := open(t, config(p))
	for what, change := range map[string]func(answer url.Values, flow *oidc.Flow){
		"another state":    func(answer url.Values, _ *oidc.Flow) { answer.Set("state", "other") },
		"no state":         func(answer url.Values, flow *oidc.Flow) { answer.Del("state"); flow.State = "" },
		"another nonce":    func(_ url.Values, flow *oidc.Flow) { flow.Nonce = "other" },
		"no nonce":         func(_ url.Values, flow *oidc.Flow) { flow.Nonce = "" },
		"another verifier": func(_ url.Values, flow *oidc.Flow) { flow.Verifier = "other" },
		"another code":     func(answer url.Values, _ *oidc.Flow) { answer.Set("code", "other") },
		"another provider": func(answer url.Values, _ *oidc.Flow) { answer.Set("iss", "https://other.example") },
		"refused":          func(answer url.Values, _ *oidc.Flow) { answer.Set("error", "access_denied") },
	} {
		answer, flow := signIn(t, p, a)
		change(answer, &flow)
		if bearer, _, err := a.Finish(t.Context(), redirect, answer, flow); !errors.Is(err, oidc.ErrRefused) || bearer != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	answer, flow := signIn(t, p, a)
	if _, _, err := a.Finish(t.Context(), "https://other.example/ui/callback", answer, flow); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("another redirect: %v", err)
	}
}

func TestSignInWhileTheProviderIsDown(t *testing.T) {
	p := oidctest.Unserved(t)
	p.Down = 503
	if _, _, err := open(t, config(p)).Begin(redirect); !errors.Is(err, access.ErrUnavailable) {
		t.Errorf("never reached: %v", err)
	}
	p.Down = 0
	a := open(t, config(p))
	answer, flow := signIn(t, p, a)
	p.Down = 503
	if _, _, err := a.Finish(t.Context(), redirect, answer, flow); !errors.Is(err, access.ErrUnavailable) {
		t.Errorf("down: %v", err)
	}
}

// roundTrip is a RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Few people may ask the provider at once: the others are refused, and not kept waiting.
func TestFewSignInsAskTheProviderAtOnce(t *testing.T) {
	p := oidctest.Unserved(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	c := config(p)
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/token" {
			entered <- struct{}{}
			<-leave
		}
		return p.RoundTrip(r)
	})
	a := open(t, c)
	var people sync.WaitGroup
	for range 8 {
		answer, flow := signIn(t, p, a)
		people.Go(func() {
			if _, _, err := a.Finish(t.Context(), redirect, answer, flow); err != nil {
				t.Error(err)
			}
		})
		<-entered
	}
	answer, flow := signIn(t, p, a)
	if _, _, err := a.Finish(t.Context(), redirect, answer, flow); !errors.Is(err, access.ErrUnavailable) {
		t.Errorf("the ninth: %v", err)
	}
	close(leave)
	people.Wait()
}

// A provider that does not answer in time is no deadline of the request: that error would be
// answered as one of the journal.
func TestErrorsOfTheProviderAreOfAccessAlone(t *testing.T) {
	p, other := oidctest.Unserved(t), oidctest.Unserved(t)
	down := false
	c := config(p)
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if down {
			return nil, context.DeadlineExceeded
		}
		return p.RoundTrip(r)
	})
	a := open(t, c)
	answer, flow := signIn(t, p, a)
	down = true
	_, err := a.Authenticate(t.Context(), other.Token(nil))
	_, _, failed := a.Finish(t.Context(), redirect, answer, flow)
	for what, err := range map[string]error{"a token": err, "a sign-in": failed} {
		if !errors.Is(err, access.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
