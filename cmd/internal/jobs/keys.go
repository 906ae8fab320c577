package jobs

import (
	"context"
	"errors"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/ops"
	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/progress"
)

// KeyCreateParams are the parameters of key-create. The command makes the key up and sends the sum
// of its secret, so that neither the bank nor its list of jobs ever has the secret.
type KeyCreateParams struct {
	ID  string     `json:"id"`
	Sum apikey.Sum `json:"sum"`
	// Name is for people: who gets the key.
	Name   string   `json:"name"`
	Tenant string   `json:"tenant"`
	Scopes []string `json:"scopes"`
	// AllTenants extends the operators' scopes to every tenant.
	AllTenants bool `json:"all_tenants,omitempty"`
	// Expires is when the key ends by itself; zero for never.
	Expires cli.Instant `json:"expires_at,omitzero"`
}

// key returns the key that the parameters describe.
func (p KeyCreateParams) key(at time.Time, by string) (apikey.Key, error) {
	scopes, err := access.Parse(p.Scopes)
	k := apikey.Key{
		ID: p.ID, Sum: p.Sum, Name: p.Name, Tenant: p.Tenant, Scopes: scopes, AllTenants: p.AllTenants, Created: at, CreatedBy: by, Expires: p.Expires.Time(),
	}
	if err == nil {
		err = k.Check(at)
	}
	if err != nil {
		return k, wrong("%v", err)
	}
	return k, nil
}

func (p KeyCreateParams) check() error {
	_, err := p.key(time.Now(), "")
	return err
}

func (KeyCreateParams) changes() bool { return true }

func (p KeyCreateParams) about() string { return p.Tenant }

// inLog returns the parameters without the sum.
func (p KeyCreateParams) inLog() any {
	return struct {
		KeyCreateParams
		Sum *apikey.Sum `json:"sum,omitempty"`
	}{p, nil}
}

// APIKey is a key as the jobs report it: without its secret, and without what could verify one.
type APIKey struct {
	apikey.Key
	Scopes []string `json:"scopes"`
	// State is active, expired or revoked.
	State string `json:"state"`
}

// report returns a key as the jobs report it.
func report(k apikey.Key) APIKey { return APIKey{k, k.Scopes.Names(), k.State(time.Now())} }

// createKey makes an API key.
func (b Bank) createKey(ctx context.Context, params KeyCreateParams, _ *progress.Tracker) (APIKey, error) {
	k, err := params.key(time.Now(), ops.From(ctx).Actor)
	if err == nil {
		k, err = apikey.Create(ctx, b.Table, k)
	}
	if err != nil {
		return APIKey{}, err
	}
	return report(k), nil
}

// KeyListParams are the parameters of key-list.
type KeyListParams struct {
	// Tenant lists the keys of one tenant; empty lists all.
	Tenant string `json:"tenant,omitempty"`
	look
}

func (p KeyListParams) check() error { return OfTenant{Tenant: p.Tenant}.check() }

// listKeys lists the API keys, ended ones too. There may be some beside an error about others.
func (b Bank) listKeys(ctx context.Context, params KeyListParams, _ *progress.Tracker) ([]APIKey, error) {
	keys, err := apikey.List(ctx, b.Table)
	list := []APIKey{}
	for _, k := range keys {
		if params.Tenant == "" || params.Tenant == k.Tenant {
			list = append(list, report(k))
		}
	}
	return list, err
}

// KeyRevokeParams are the parameters of key-revoke.
type KeyRevokeParams struct {
	ID string `json:"id"`
}

func (p KeyRevokeParams) check() error {
	if !apikey.ValidID(p.ID) {
		return wrong("%.80q is no id of a key: bank key list shows them; of a key it is what stands between the two _", p.ID)
	}
	return nil
}

func (KeyRevokeParams) changes() bool { return true }

// revokeKey ends an API key.
func (b Bank) revokeKey(ctx context.Context, params KeyRevokeParams, _ *progress.Tracker) (APIKey, error) {
	k, err := apikey.Revoke(ctx, b.Table, params.ID, time.Now())
	if errors.Is(err, apikey.ErrUnknown) {
		return APIKey{}, wrong("%v: bank key list shows the ids", err)
	}
	if err != nil {
		return APIKey{}, err
	}
	return report(k), nil
}
