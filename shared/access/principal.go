package access

import (
	"context"
	"errors"
	"regexp"
	"time"
)

// MainTenant is the tenant of a bank that has only one, and of all data from before tenants.
const MainTenant = "main"

// tenants matches the names of tenants. A # would end the name in a key of the tables.
var tenants = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// ValidTenant reports whether a tenant can have this name: 1 to 32 of a-z, 0-9 and -, beginning
// with a letter or digit.
func ValidTenant(name string) bool { return tenants.MatchString(name) }

// Principal is who sends a request. It is immutable.
type Principal struct {
	// Actor is who did it, as entries and the operators' log have it: "key:" and the key's id,
	// "oidc:" and 26 letters, or "dev". At most 64 bytes.
	Actor string
	// Tenant is the one whose accounts the principal sees and changes.
	Tenant string
	// Scopes are its rights.
	Scopes Scopes
	// AllTenants says that the operators' rights, ops:read and ops:write, are for all tenants.
	AllTenants bool
	// Expires is when the credential ends; zero if it never does.
	Expires time.Time
}

// Nobody is the principal of a context that has none.
var Nobody = &Principal{}

// Dev is everybody where no credentials are asked for.
var Dev = &Principal{Actor: "dev", Tenant: MainTenant, Scopes: All, AllTenants: true}

// Sees reports whether what belongs to a tenant may be shown to the principal as an operator.
func (p *Principal) Sees(tenant string) bool { return p.AllTenants || p.Tenant == tenant }

// Key is the key of the principal in a context. A type that embeds a context may
// answer it with a *Principal, which saves With's allocation.
type Key struct{}

// With returns a context of the principal.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, Key{}, p)
}

// From returns the principal of a context, Nobody if it has none.
func From(ctx context.Context) *Principal {
	if p, ok := ctx.Value(Key{}).(*Principal); ok && p != nil {
		return p
	}
	return Nobody
}

// The errors of an authenticator. What is wrapped around them is for the log: it says why, without
// any part of the credential.
var (
	// ErrMissing means that there is no credential.
	ErrMissing = errors.New("access: no credential")
	// ErrInvalid means that the credential is malformed, unknown, revoked or not for this bank.
	ErrInvalid = errors.New("access: the credential is not valid")
	// ErrExpired means that the credential was valid.
	ErrExpired = errors.New("access: the credential has expired")
	// ErrUnavailable means that what the credential is checked against could not be read for too
	// long. Nothing is known of the credential.
	ErrUnavailable = errors.New("access: credentials cannot be checked")
)

// Authenticator makes principals of credentials.
type Authenticator interface {
	// Authenticate returns the principal of a bearer token, which is not empty. It is called for
	// every request, concurrently, so it does not wait for stores. Its errors match ErrInvalid,
	// ErrExpired or ErrUnavailable.
	Authenticate(ctx context.Context, bearer string) (*Principal, error)
}
