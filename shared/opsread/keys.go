package opsread

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/api"
	"passbook/shared/web"
)

// KeyPage is a page of API keys in the order of their ids.
type KeyPage struct {
	Keys []Key `json:"keys"`
	// Unreadable says which rows of keys cannot be read.
	Unreadable string `json:"unreadable,omitempty"`
	api.Page
}

// Key is an API key without its secret, and without what could verify one.
type Key struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Tenant     string   `json:"tenant"`
	AllTenants bool     `json:"all_tenants,omitempty"`
	Scopes     []string `json:"scopes"`
	// State is active, expired or revoked.
	State     string   `json:"state"`
	CreatedAt api.Time `json:"created_at"`
	CreatedBy string   `json:"created_by"`
	ExpiresAt api.Time `json:"expires_at,omitzero"`
	RevokedAt api.Time `json:"revoked_at,omitzero"`
	// LastUsedOn is the day on which this process last saw it, empty if it has not.
	LastUsedOn string `json:"last_used_on,omitempty"`
}

// keys answers with the keys of the caller's tenant, and to operators of all tenants with all.
func (r *Reads) keys(c echo.Context) error {
	ctx := c.Request().Context()
	by := access.From(ctx)
	query := "ops-keys\n" + by.Tenant
	if by.AllTenants {
		query = "ops-keys\n"
	}
	q := web.ParseQuery(c)
	limit, after := q.Limit(), q.Cursor(query)
	if err := q.Problem(); err != nil {
		return err
	}
	list, err := apikey.List(ctx, r.Table)
	page := KeyPage{Keys: []Key{}}
	if err != nil {
		if len(list) == 0 {
			return api.Unavailable(err)
		}
		page.Unreadable = "some rows of keys cannot be read: bank key list names them"
	}
	next := ""
	for _, k := range list {
		if k.ID <= after || !by.Sees(k.Tenant) {
			continue
		}
		if len(page.Keys) == limit {
			next = web.EncodeCursor(query, page.Keys[limit-1].ID)
			break
		}
		one := newKey(k)
		if r.LastUsed != nil {
			if day := r.LastUsed(k.ID); !day.IsZero() {
				one.LastUsedOn = day.Format(time.DateOnly)
			}
		}
		page.Keys = append(page.Keys, one)
	}
	page.Page = api.NextPage(c, next)
	return web.ReplyJSON(c, http.StatusOK, page)
}

// newKey returns a key as an answer has it.
func newKey(k apikey.Key) Key {
	return Key{
		ID: k.ID, Name: k.Name, Tenant: k.Tenant, AllTenants: k.AllTenants, Scopes: k.Scopes.Names(), State: k.State(time.Now()),
		CreatedAt: micros(k.Created), CreatedBy: k.CreatedBy, ExpiresAt: micros(k.Expires), RevokedAt: micros(k.Revoked),
	}
}
