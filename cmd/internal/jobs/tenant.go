package jobs

import (
	"cmp"

	"passbook/shared/access"
	"passbook/shared/event"
)

// OfTenant is the parameter of jobs that can be about one tenant.
type OfTenant struct {
	// Tenant is the only tenant whose accounts the job is about. Without it a job on lists is about
	// all tenants, and an account that is named by its id alone is the main tenant's.
	Tenant string `json:"tenant,omitempty"`
}

func (t OfTenant) check() error {
	if t.Tenant != "" && !access.ValidTenant(t.Tenant) {
		return wrong("--tenant %q is no tenant: use 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit", t.Tenant)
	}
	return nil
}

// has reports whether the job is about an account.
func (t OfTenant) has(a event.Account) bool { return t.Tenant == "" || t.Tenant == a.Tenant }

// about returns the tenant that the operators' log names, empty for all.
func (t OfTenant) about() string { return t.Tenant }

// aboutAccount returns the tenant that the operators' log names of a job about one account.
func (t OfTenant) aboutAccount(name string) string {
	a, _ := t.Account(name) // checked before
	return a.Tenant
}

// Account returns the account that is named by its id, or as reports name it, "<tenant>#<id>".
func (t OfTenant) Account(name string) (event.Account, error) {
	a, whole := event.ParseAccount(name)
	if !whole {
		return event.Account{Tenant: cmp.Or(t.Tenant, access.MainTenant), ID: name}, t.check()
	}
	if !t.has(a) {
		return a, wrong("%s is not an account of --tenant %s", a, t.Tenant)
	}
	return a, t.check()
}
