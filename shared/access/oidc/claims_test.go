package oidc_test

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"passbook/shared/access"
	"passbook/shared/access/oidc"
	"passbook/shared/access/oidc/oidctest"
)

func TestClaimsGiveTenantAndScopesByConfiguration(t *testing.T) {
	type object = map[string]any
	for what, tt := range map[string]struct {
		configure func(*oidc.Config)
		claims    jwt.MapClaims
		tenant    string
		all       bool
		scopes    string
		err       error
	}{
		"as they are":                {tenant: "main", scopes: "accounts:read ops:read pii:read"},
		"another tenant":             {claims: jwt.MapClaims{"tenant": "north"}, tenant: "north", scopes: "accounts:read ops:read pii:read"},
		"all tenants":                {claims: jwt.MapClaims{"tenant": "*"}, tenant: "main", all: true, scopes: "accounts:read ops:read pii:read"},
		"no tenant":                  {claims: jwt.MapClaims{"tenant": nil}, err: access.ErrInvalid},
		"an empty tenant":            {claims: jwt.MapClaims{"tenant": ""}, err: access.ErrInvalid},
		"a tenant with another form": {claims: jwt.MapClaims{"tenant": "North#1"}, err: access.ErrInvalid},
		"tenants":                    {claims: jwt.MapClaims{"tenant": []string{"north"}}, err: access.ErrInvalid},
		"no tenant but a default":    {configure: func(c *oidc.Config) { c.Tenant = "north" }, claims: jwt.MapClaims{"tenant": nil}, tenant: "north", scopes: "accounts:read ops:read pii:read"},
		"no default over an empty":   {configure: func(c *oidc.Config) { c.Tenant = "north" }, claims: jwt.MapClaims{"tenant": ""}, err: access.ErrInvalid},
		"no scopes":                  {claims: jwt.MapClaims{"scope": nil}, tenant: "main"},
		"scopes as a list":           {claims: jwt.MapClaims{"scope": []string{"force", "offline_access"}}, tenant: "main", scopes: "force"},
		"scopes as a number":         {claims: jwt.MapClaims{"scope": 1}, err: access.ErrInvalid},
		"by a path": {
			configure: func(c *oidc.Config) {
				c.ScopesClaim, c.TenantClaim = "realm_access.roles", "https://bank.example/tenant"
			},
			claims: jwt.MapClaims{"realm_access": object{"roles": []string{"feed:read"}}, "https://bank.example/tenant": "south"},
			tenant: "south", scopes: "feed:read",
		},
		"no subject":        {claims: jwt.MapClaims{"sub": nil}, err: access.ErrInvalid},
		"an empty subject":  {claims: jwt.MapClaims{"sub": ""}, err: access.ErrInvalid},
		"a long subject":    {claims: jwt.MapClaims{"sub": strings.Repeat("x", 256)}, err: access.ErrInvalid},
		"a numeric subject": {claims: jwt.MapClaims{"sub": 7}, err: access.ErrInvalid},
	} {
		p := oidctest.Unserved(t)
		c := config(p)
		if tt.configure != nil {
			tt.configure(&c)
		}
		got := mustBe(t, what, open(t, c), p.Token(tt.claims), tt.err)
		if got != nil && (got.Tenant != tt.tenant || got.AllTenants != tt.all || strings.Join(got.Scopes.Names(), " ") != tt.scopes) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// The actor is the same for a person in each process and in all releases, another one in each
// tenant, and under another issuer.
func TestActorsArePseudonyms(t *testing.T) {
	// HMAC-SHA-256 of "https://login.example", a line feed and "ada", in base32, by hand
	const want = "oidc:xqx4hxw7qoemzbrbcyxtpm7nzh"
	if got := oidc.Actor([]byte("key"), "https://login.example", "ada"); got != want {
		t.Error(got)
	}
	p := oidctest.Unserved(t)
	a := open(t, config(p))
	actors := map[string]string{}
	for what, claims := range map[string]jwt.MapClaims{
		"ada": nil, "ben": {"sub": "ben"}, "ada of another tenant": {"tenant": "north"},
	} {
		actor := mustBe(t, what, a, p.Token(claims), nil).Actor
		if other, twice := actors[actor]; twice {
			t.Errorf("%s and %s are one actor", what, other)
		}
		actors[actor] = what
	}
	if again := mustBe(t, "another process", open(t, config(p)), p.Token(jwt.MapClaims{"name": "Ada King"}), nil).Actor; actors[again] != "ada" {
		t.Errorf("another process calls her %s", again)
	}
}

func TestNamesOfPersonsAreReportedOnceAndCleaned(t *testing.T) {
	for what, tt := range map[string]struct {
		claims jwt.MapClaims
		want   string
	}{
		"the name":          {nil, "Ada Lovelace"},
		"another claim":     {jwt.MapClaims{"name": nil, "preferred_username": "ada", "email": "ada@bank.example"}, "ada"},
		"the e-mail":        {jwt.MapClaims{"name": " ", "email": "ada@bank.example"}, "ada@bank.example"},
		"control signs":     {jwt.MapClaims{"name": "A\u202eda\n\x00"}, "Ada"},
		"too long":          {jwt.MapClaims{"name": strings.Repeat("é", 100)}, strings.Repeat("é", 70)},
		"none":              {jwt.MapClaims{"name": nil}, ""},
		"one of wrong type": {jwt.MapClaims{"name": 7}, ""},
	} {
		p := oidctest.Unserved(t)
		c := config(p)
		var names []string
		c.Named = func(tenant, actor, name string) { names = append(names, tenant+" "+actor+" "+name) }
		a := open(t, c)
		token := p.Token(tt.claims)
		actor := mustBe(t, what, a, token, nil).Actor
		mustBe(t, what, a, token, nil)
		if tt.want == "" && len(names) > 0 || tt.want != "" && (len(names) != 1 || names[0] != "main "+actor+" "+tt.want) {
			t.Errorf("%s: %q", what, names)
		}
	}
}

// A bank whose data key cannot be used makes no actor.
func TestNoActorWithoutTheBanksKey(t *testing.T) {
	p := oidctest.Unserved(t)
	c := config(p)
	c.Derive = func(string) ([]byte, bool) { return nil, false }
	mustBe(t, "without the key", open(t, c), p.Token(nil), access.ErrUnavailable)
}
