package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"

	"passbook/shared/access"
)

const (
	// ActorPrefix begins the actor of a person, and actorLetters follow.
	ActorPrefix  = "oidc:"
	actorLetters = 26
	// maxSubject is the most bytes of a subject, as OpenID Connect Core section 2 has it.
	maxSubject = 255
	// maxName is the most bytes of a person's name.
	maxName = 140
	// allTenants is the tenant claim of an operator of all tenants.
	allTenants = "*"
)

// lower is the alphabet of actors: that of base32 in lower case, without padding.
var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// claims are what a token says, by name.
type claims map[string]json.RawMessage

// principal returns who a token is for. Its reasons for a refusal name claims and no values.
func (a *Authenticator) principal(token *oidc.IDToken) (*access.Principal, error) {
	var said claims
	if err := token.Claims(&said); err != nil {
		return nil, fmt.Errorf("%w: its claims are no object", access.ErrInvalid)
	}
	p := &access.Principal{Tenant: a.config.Tenant, Expires: token.Expiry}
	switch tenant, ok, err := said.text(a.config.TenantClaim); {
	case err != nil:
		return nil, err
	case tenant == allTenants:
		p.Tenant, p.AllTenants = access.MainTenant, true
	case ok:
		p.Tenant = tenant
	case p.Tenant == "":
		return nil, fmt.Errorf("%w: the claim %s, which names the tenant, is missing: have the provider add it, or set --oidc-tenant", access.ErrInvalid, a.config.TenantClaim)
	}
	if !access.ValidTenant(p.Tenant) {
		return nil, fmt.Errorf("%w: the claim %s is no name of a tenant", access.ErrInvalid, a.config.TenantClaim)
	}
	granted, err := said.list(a.config.ScopesClaim)
	if err != nil {
		return nil, err
	}
	p.Scopes = access.Known(granted)
	subject, ok, err := said.text(a.config.SubjectClaim)
	if err != nil {
		return nil, err
	}
	if !ok || subject == "" || len(subject) > maxSubject {
		return nil, fmt.Errorf("%w: the claim %s, which names the person, is missing, empty or too long", access.ErrInvalid, a.config.SubjectClaim)
	}
	key, ok := a.config.Derive("actor " + p.Tenant)
	if !ok {
		return nil, fmt.Errorf("%w: the bank's data key cannot be used", access.ErrUnavailable)
	}
	p.Actor = Actor(key, a.config.Issuer, subject)
	if name := said.name(); name != "" && a.config.Named != nil {
		a.config.Named(p.Tenant, p.Actor, name)
	}
	return p, nil
}

// Actor returns the actor of a subject of an issuer: oidc: and 26 letters of HMAC-SHA-256 under the
// tenant's key. Without the key nobody can find the person by trying, and a person has another
// actor in each tenant.
func Actor(tenantKey []byte, issuer, subject string) string {
	mac := hmac.New(sha256.New, tenantKey)
	mac.Write([]byte(issuer + "\n" + subject))
	return ActorPrefix + lower.EncodeToString(mac.Sum(nil))[:actorLetters]
}

// get returns the claim of a name, or else the one at a path of names joined by dots.
func (c claims) get(name string) (json.RawMessage, bool) {
	if value, ok := c[name]; ok {
		return value, true
	}
	first, rest, deeper := strings.Cut(name, ".")
	var inner claims
	if !deeper || json.Unmarshal(c[first], &inner) != nil {
		return nil, false
	}
	return inner.get(rest)
}

// text returns the claim of a name, which must be a string if it is there. null is as none.
func (c claims) text(name string) (text string, ok bool, err error) {
	value, ok := c.get(name)
	if !ok || string(value) == "null" {
		return "", false, nil
	}
	if json.Unmarshal(value, &text) != nil {
		return "", false, fmt.Errorf("%w: the claim %s is no string", access.ErrInvalid, name)
	}
	return text, true, nil
}

// list returns the words of the claim of a name: a list of strings, or one string with spaces
// between them, as RFC 8693 section 4.2 has scope.
func (c claims) list(name string) (words []string, err error) {
	value, ok := c.get(name)
	var text string
	switch {
	case !ok:
		return nil, nil
	case json.Unmarshal(value, &text) == nil:
		return strings.Fields(text), nil
	case json.Unmarshal(value, &words) == nil:
		return words, nil
	}
	return nil, fmt.Errorf("%w: the claim %s is neither a string nor a list of strings", access.ErrInvalid, name)
}

// name returns the person's name for other people, "" if the token has none: name, else
// preferred_username, else email.
func (c claims) name() string {
	for _, claim := range []string{"name", "preferred_username", "email"} {
		text, _, _ := c.text(claim)
		if text = printable(text); text != "" {
			return text
		}
	}
	return ""
}

// printable returns a text without control characters and the like, of at most maxName bytes.
func printable(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	for len(text) > maxName {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// reason returns why go-oidc refused a token, without its prefix and the values that it compared.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "oidc: ")
	switch {
	case strings.HasPrefix(text, "id token issued by a different provider"):
		return "another issuer signed the token"
	case strings.HasPrefix(text, "expected audience"):
		return "the token is for another audience"
	case errors.As(err, new(*json.SyntaxError)), strings.HasPrefix(text, "failed to unmarshal claims"):
		return "its claims are no object"
	}
	return "malformed token"
}
