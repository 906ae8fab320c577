// Package oidctest is an OpenID Connect provider for tests: discovery document, keys that rotate,
// the code flow with PKCE, and tokens of any claims, right or wrong. golang-jwt signs them, so that
// not the library which checks tokens makes them too.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The provider's client and the audience of its tokens.
const (
	ClientID     = "passbook-console"
	ClientSecret = "not a secret: of a test"
	Audience     = "https://bank.example"
)

// Provider is the provider. Its fields may be changed between two calls of the test, under Lock
// while it serves. It is safe for concurrent use.
type Provider struct {
	sync.Mutex
	// Issuer is the provider's URL, as discovery document and tokens name it.
	Issuer string
	// Person are the claims of who signs in, besides those of every token.
	Person jwt.MapClaims
	// Down makes every request fail with this status; 0 is a provider that works.
	Down int
	// OpaqueAccess makes access tokens that are no JWT.
	OpaqueAccess bool
	// KeyReads counts the readings of the keys.
	KeyReads int

	t     testing.TB
	keys  []key
	codes map[string]code
	mux   http.ServeMux
}

// key is one of the provider's keys.
type key struct {
	id      string
	method  jwt.SigningMethod
	private crypto.Signer
}

// code is a sign-in between its two requests.
type code struct{ redirect, challenge, nonce string }

// New starts a provider on a loopback address, which runs until the test ends.
func New(t testing.TB) *Provider {
	t.Helper()
	p := Unserved(t)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.Issuer = server.URL
	return p
}

// Unserved makes a provider that no address reaches: a test serves it, or uses it as Transport.
func Unserved(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{
		Issuer: "http://127.0.0.1:1", t: t, codes: map[string]code{},
		Person: jwt.MapClaims{"sub": "ada", "name": "Ada Lovelace", "tenant": "main", "scope": "openid accounts:read ops:read pii:read"},
	}
	p.mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET /keys", p.publish)
	p.mux.HandleFunc("GET /authorize", p.authorize)
	p.mux.HandleFunc("POST /token", p.token)
	p.Rotate()
	return p
}

// Rotate replaces the provider's keys, one for RS256 and one for ES256, with new ones.
func (p *Provider) Rotate() {
	p.t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Lock()
	defer p.Unlock()
	p.keys = []key{{rand.Text(), jwt.SigningMethodRS256, private}, {rand.Text(), jwt.SigningMethodES256, curve}}
}

// Claims returns the claims of a token that is valid for an hour, changed by some: a nil value
// removes a claim.
func (p *Provider) Claims(changed jwt.MapClaims) jwt.MapClaims {
	p.Lock()
	defer p.Unlock()
	return p.claims(changed)
}

func (p *Provider) claims(changed jwt.MapClaims) jwt.MapClaims {
	now := time.Now()
	all := jwt.MapClaims{"iss": p.Issuer, "aud": Audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(all, p.Person)
	maps.Copy(all, changed)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// Token returns a token of changed claims, signed with RS256.
func (p *Provider) Token(changed jwt.MapClaims) string { return p.Sign("RS256", p.Claims(changed)) }

// Sign returns a token of claims, signed with the provider's key of an algorithm. "none" is not
// signed, "HS256" with the public key as its secret, and RS384 with the key of RS256.
func (p *Provider) Sign(algorithm string, claims jwt.MapClaims) string {
	return p.SignAs(algorithm, "JWT", claims)
}

// SignAs does what Sign does, with a typ in the header.
func (p *Provider) SignAs(algorithm, typ string, claims jwt.MapClaims) string {
	p.t.Helper()
	p.Lock()
	defer p.Unlock()
	return p.sign(algorithm, typ, claims)
}

func (p *Provider) sign(algorithm, typ string, claims jwt.MapClaims) string {
	chosen, with := p.keys[0], any(p.keys[0].private)
	switch algorithm {
	case "ES256":
		chosen, with = p.keys[1], p.keys[1].private
	case "none":
		with = jwt.UnsafeAllowNoneSignatureType
	case "HS256":
		with = chosen.private.Public().(*rsa.PublicKey).N.Bytes()
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), claims)
	token.Header["kid"], token.Header["typ"] = chosen.id, typ
	signed, err := token.SignedString(with)
	if err != nil {
		p.t.Error(err)
	}
	return signed
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.Lock()
	defer p.Unlock()
	if p.Down != 0 {
		w.WriteHeader(p.Down)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// RoundTrip implements http.RoundTripper: it answers without a network.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token",
		"jwks_uri": p.Issuer + "/keys", "end_session_endpoint": p.Issuer + "/end",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
	})
}

func (p *Provider) publish(w http.ResponseWriter, _ *http.Request) {
	p.KeyReads++
	var list []map[string]string
	for _, k := range p.keys {
		entry := map[string]string{"kid": k.id, "use": "sig", "alg": k.method.Alg()}
		switch public := k.private.Public().(type) {
		case *rsa.PublicKey:
			entry["kty"], entry["n"], entry["e"] = "RSA", text(public.N.Bytes()), text(big.NewInt(int64(public.E)).Bytes())
		case *ecdsa.PublicKey:
			point, err := public.Bytes() // 4, x, y
			if err != nil {
				p.t.Error(err)
			}
			entry["kty"], entry["crv"], entry["x"], entry["y"] = "EC", "P-256", text(point[1:33]), text(point[33:])
		}
		list = append(list, entry)
	}
	// a provider may publish keys that its relying parties do not know
	list = append(list, map[string]string{"kty": "OKP", "crv": "X448", "kid": "unknown", "x": "AA"})
	p.answer(w, map[string]any{"keys": list})
}

// authorize signs the Person in at once, where a provider would ask for a password.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" ||
		q.Get("state") == "" || q.Get("nonce") == "" || !strings.Contains(q.Get("scope"), "openid") {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	name := rand.Text()
	p.codes[name] = code{redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce")}
	back := redirect.Query()
	back.Set("code", name)
	back.Set("state", q.Get("state"))
	back.Set("iss", p.Issuer)
	redirect.RawQuery = back.Encode()
	http.Redirect(w, r, redirect.String(), http.StatusFound)
}

// token exchanges a code, once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id != ClientID || secret != ClientSecret {
		p.refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	asked, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || asked.redirect != r.PostFormValue("redirect_uri") || asked.challenge != text(sum[:]) || r.PostFormValue("grant_type") != "authorization_code" {
		p.refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	accessToken := rand.Text()
	if !p.OpaqueAccess {
		accessToken = p.sign("RS256", "at+jwt", p.claims(nil))
	}
	p.answer(w, map[string]any{
		"access_token": accessToken, "token_type": "Bearer", "expires_in": 3600,
		"id_token": p.sign("ES256", "JWT", p.claims(jwt.MapClaims{"aud": ClientID, "nonce": asked.nonce, "scope": nil})),
	})
}

func (p *Provider) answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		p.t.Log(fmt.Errorf("the provider's answer: %w", err))
	}
}

func (p *Provider) refuse(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":"` + reason + `"}`))
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
