package jobs

import (
	"cmp"
	"regexp"

	"passbook/shared/api"
	"passbook/shared/event"
)

// tenantForm is what a tenant looks like.
var tenantForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// OfTenant is the parameter of jobs that can be about one tenant.
type OfTenant struct {
	// Tenant is the only tenant whose accounts the job is about. Without it a job on lists is about
	// all tenants, and an account that is named by its id alone is the main tenant's.
	Tenant string `json:"tenant,omitempty"`
}

func (t OfTenant) check() error {
	if t.Tenant != "" && !tenantForm.MatchString(t.Tenant) {
		return wrong("--tenant %q is no tenant: it has up to 32 lower-case letters, digits and hyphens, and begins with no hyphen", t.Tenant)
	}
	return nil
}

// has reports whether the job is about an account.
func (t OfTenant) has(a event.Account) bool { return t.Tenant == "" || t.Tenant == a.Tenant }

// Account returns the account that is named by its id, or as reports name it, "<tenant>#<id>".
func (t OfTenant) Account(name string) (event.Account, error) {
	a, whole := event.ParseAccount(name)
	if !whole {
		return event.Account{Tenant: cmp.Or(t.Tenant, api.Tenant), ID: name}, t.check()
	}
	if !t.has(a) {
		return a, wrong("%s is not an account of --tenant %s", a, t.Tenant)
	}
	return a, t.check()
}
