package apitest

import (
	"context"

	"passbook/shared/access"
)

// Bearers are the principals of an API by their bearer tokens. It is an access.Authenticator.
type Bearers map[string]*access.Principal

// Authenticate returns the principal of a token, or access.ErrInvalid.
func (b Bearers) Authenticate(_ context.Context, bearer string) (*access.Principal, error) {
	if p := b[bearer]; p != nil {
		return p, nil
	}
	return nil, access.ErrInvalid
}

// Tenants returns a principal of each tenant, with all scopes and the tenant's name as its token
// and actor.
func Tenants(names ...string) Bearers {
	b := Bearers{}
	for _, name := range names {
		b[name] = &access.Principal{Actor: name, Tenant: name, Scopes: access.All}
	}
	return b
}

// As returns a client that sends a bearer token with each request.
func (c *Client) As(bearer string) *Client {
	as := *c
	as.bearer = bearer
	return &as
}
