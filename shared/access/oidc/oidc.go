package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/backoff"
	"passbook/shared/telemetry"
)

const (
	// refreshEvery is the time between two readings of discovery document and keys.
	refreshEvery = 5 * time.Minute
	// The pauses between attempts to reach a provider that does not answer.
	retryFirst, retryMost = time.Second, 30 * time.Second
	// skew is by how much the provider's clock may differ from this one's.
	skew = time.Minute
	// maxCached is the most tokens whose check is remembered.
	maxCached = 8192
	// maxExchanges is the most people whose sign-in asks the provider at the same time.
	maxExchanges = 8
)

// Config configures an Authenticator. Issuer, Audience and Derive are required.
type Config struct {
	// Issuer is the provider's URL, as its tokens name it.
	Issuer string
	// Audience is what a token must be for.
	Audience string
	// TenantClaim, ScopesClaim and SubjectClaim name the claims that give tenant, scopes and the
	// person: a name, or a path of names joined by dots. Empty means tenant, scope and sub.
	TenantClaim, ScopesClaim, SubjectClaim string
	// Tenant is that of a token without the tenant claim; empty refuses such a token.
	Tenant string
	// ClientID and ClientSecret are those of this bank at the provider, for browsers; without an id
	// nobody can sign in with one. A public client has no secret.
	ClientID, ClientSecret string
	// Derive returns the bank's key of a label, or false as long as the bank has none.
	Derive func(label string) ([]byte, bool)
	// Named is called with the name of an actor's person when a token has one that was not seen
	// lately. It MUST return at once. Nil keeps no names.
	Named func(tenant, actor, name string)
	// Metrics gets the keys and the failed readings; nil counts nothing.
	Metrics prometheus.Registerer
	// Log gets the failed readings; nil is slog.Default.
	Log *slog.Logger
	// Transport carries the calls to the provider; nil is a transport of this package.
	Transport http.RoundTripper
}

// Authenticator checks tokens of one provider. It implements access.Authenticator and is safe for
// concurrent use.
type Authenticator struct {
	config Config
	client *http.Client
	// exchanges calls the provider for people who sign in, apart from client, whose readings must
	// not wait for them. exchanging has an element for each at the moment.
	exchanges  *http.Client
	exchanging chan struct{}
	failed     atomic.Int64
	waiting    atomic.Int64
	now        atomic.Pointer[provider]
	checked    *cache

	// turn has an element while the provider is read. tried is when its keys were last read for a
	// token, and failure how that ended.
	turn    chan struct{}
	tried   time.Time
	failure error
}

// provider is what the discovery document said, with the keys. It does not change.
type provider struct {
	*oidc.Provider
	// keysAt and endSession are the addresses of the keys and, where there is one, of the page that
	// signs a person out.
	keysAt, endSession string
	// inHeader reports whether the provider takes the client's secret in a header.
	inHeader bool
	keys     *keySet
}

// Open makes an Authenticator and tries to reach the provider. It fails for settings that cannot be
// used, and for a provider that is another issuer. One that does not answer only makes every token
// access.ErrUnavailable until Run has reached it: a bank must be able to start while its provider
// cannot.
func Open(ctx context.Context, c Config) (*Authenticator, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.TenantClaim, c.ScopesClaim, c.SubjectClaim = orElse(c.TenantClaim, "tenant"), orElse(c.ScopesClaim, "scope"), orElse(c.SubjectClaim, "sub")
	if err := CheckIssuer(c.Issuer); err != nil {
		return nil, err
	}
	if c.Audience == "" {
		return nil, errors.New("the audience is empty: a token for any other service of the provider would be accepted")
	}
	a := &Authenticator{config: c, client: client(c.Transport), exchanges: client(c.Transport), exchanging: make(chan struct{}, maxExchanges), checked: newCache(maxCached), turn: make(chan struct{}, 1)}
	err := a.refresh(ctx)
	var other *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &other):
		return nil, fmt.Errorf("the provider at %s calls itself %q: name the issuer exactly so", c.Issuer, other.Discovered)
	case err != nil:
		a.warn(err)
	}
	if c.Metrics != nil {
		telemetry.Gauge(c.Metrics, "oidc_keys", "Keys of the provider that a token may be signed with; 0 before it was reached.", func() float64 { return float64(a.known()) })
		telemetry.Counter(c.Metrics, "oidc_failures_total", "Readings of the provider's discovery document or keys that failed.", func() float64 { return float64(a.failed.Load()) })
	}
	return a, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// known returns how many keys are known.
func (a *Authenticator) known() int {
	if now := a.now.Load(); now != nil {
		return len(now.keys.keys)
	}
	return 0
}

// warn logs a reading that failed.
func (a *Authenticator) warn(err error) {
	a.failed.Add(1)
	a.config.Log.Warn("the OpenID Connect provider cannot be read; trying again", "issuer", a.config.Issuer, "error", err)
}

// Run reads discovery document and keys until ctx ends: often until the provider was reached, and
// every few minutes from then on, so that a key which the provider withdrew ends here too.
func (a *Authenticator) Run(ctx context.Context) error {
	pause := backoff.Backoff{First: retryFirst, Most: retryMost}
	failing := a.now.Load() == nil
	for {
		wait := refreshEvery
		if failing {
			wait = pause.Next()
		}
		if backoff.Sleep(ctx, wait) != nil {
			return nil
		}
		err := a.refresh(ctx)
		if failing = err != nil; failing && ctx.Err() == nil {
			a.warn(err)
		} else {
			pause.Reset()
		}
	}
}

// Ready reports why tokens cannot be checked, or nil.
func (a *Authenticator) Ready(context.Context) error {
	switch now := a.now.Load(); {
	case now == nil:
		return fmt.Errorf("the provider %s was not reached yet", a.config.Issuer)
	case time.Since(now.keys.read) > keysFor:
		return fmt.Errorf("the keys of %s could not be read for %v", a.config.Issuer, keysFor)
	}
	return nil
}

// unreached returns the error of a provider that was not reached yet.
func (a *Authenticator) unreached() error {
	return fmt.Errorf("%w: the provider %s was not reached yet", access.ErrUnavailable, a.config.Issuer)
}

// refresh reads the discovery document and the keys.
func (a *Authenticator) refresh(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	discovered, err := oidc.NewProvider(oidc.ClientContext(ctx, a.client), a.config.Issuer)
	if err != nil {
		return fmt.Errorf("read the discovery document of %s: %w", a.config.Issuer, err)
	}
	var more struct {
		Keys        string   `json:"jwks_uri"`
		EndSession  string   `json:"end_session_endpoint"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := discovered.Claims(&more); err != nil {
		return fmt.Errorf("read the discovery document of %s: %w", a.config.Issuer, err)
	}
	next := &provider{
		Provider: discovered, keysAt: more.Keys, endSession: more.EndSession,
		// without a list it is the header, says OpenID Connect Discovery 1.0
		inHeader: len(more.AuthMethods) == 0 || slices.Contains(more.AuthMethods, "client_secret_basic"),
	}
	if next.keys, err = readKeys(ctx, a.client, next.keysAt); err != nil {
		return err
	}
	a.learn(next)
	return nil
}

// learn takes what was read. Tokens that were checked under other keys are checked again.
func (a *Authenticator) learn(next *provider) {
	was := a.now.Swap(next)
	if was != nil && !was.keys.same(next.keys) {
		a.checked.clear()
		a.config.Log.Info("the OpenID Connect provider has other keys", "issuer", a.config.Issuer, "keys", len(next.keys.keys))
	}
}

// Authenticate implements access.Authenticator.
func (a *Authenticator) Authenticate(ctx context.Context, bearer string) (*access.Principal, error) {
	if bearer == "" {
		return nil, access.ErrMissing
	}
	if known, until := a.checked.get(bearer); known != nil {
		if err := a.Ready(ctx); err != nil {
			return nil, fmt.Errorf("%w: %v", access.ErrUnavailable, err)
		}
		if !time.Now().Before(until) {
			return nil, fmt.Errorf("%w: the token ended at %s", access.ErrExpired, until.Add(-skew).UTC().Format(time.RFC3339))
		}
		return known, nil
	}
	// what was checked under keys that are replaced in the meantime must not be remembered
	turn := a.checked.turn()
	token, err := a.check(ctx, bearer, a.config.Audience)
	if err != nil {
		return nil, err
	}
	principal, err := a.principal(token)
	if err != nil {
		return nil, err
	}
	a.checked.put(bearer, principal, token.Expiry.Add(skew), turn)
	return principal, nil
}

// check returns a token that the provider signed for an audience and that is valid now.
func (a *Authenticator) check(ctx context.Context, bearer, audience string) (*oidc.IDToken, error) {
	keys := &signature{of: a}
	// go-oidc has no tolerance at the end and five minutes at the beginning; valid has one minute
	verifier := oidc.NewVerifier(a.config.Issuer, keys, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256}, SkipExpiryCheck: true,
	})
	token, err := verifier.Verify(ctx, bearer)
	switch {
	case keys.err != nil:
		return nil, keys.err
	case err != nil && token == nil:
		return nil, fmt.Errorf("%w: %s", access.ErrInvalid, reason(err))
	}
	return token, valid(token, time.Now())
}

// valid reports why a token is not valid at a time, or nil.
func valid(token *oidc.IDToken, now time.Time) error {
	var times struct {
		Expiry    *float64 `json:"exp"`
		NotBefore *float64 `json:"nbf"`
		Issued    *float64 `json:"iat"`
	}
	if err := token.Claims(&times); err != nil {
		return fmt.Errorf("%w: exp, nbf or iat is no number", access.ErrInvalid)
	}
	at := float64(now.UnixMilli()) / 1000
	switch margin := skew.Seconds(); {
	case times.Expiry == nil:
		return fmt.Errorf("%w: the token has no exp, so that it would never end", access.ErrInvalid)
	case at >= *times.Expiry+margin:
		return fmt.Errorf("%w: the token ended at %s", access.ErrExpired, token.Expiry.UTC().Format(time.RFC3339))
	case times.NotBefore != nil && at < *times.NotBefore-margin:
		return fmt.Errorf("%w: the token is not valid yet", access.ErrInvalid)
	case times.Issued != nil && at < *times.Issued-margin:
		return fmt.Errorf("%w: the token was issued in the future: compare the clocks of provider and bank", access.ErrInvalid)
	}
	return nil
}
