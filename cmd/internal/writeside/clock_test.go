package writeside

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/event"
	"passbook/shared/journal/clockwatch"
)

// The check of the clock names an account to its own tenant and to operators of all tenants.
func TestTheClockNamesNoAccountOfAnotherTenant(t *testing.T) {
	w := clockwatch.New(prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	check := clockOf(w.Err)
	if err := check(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Refused(event.Account{Tenant: "acme", ID: "A-1"}, time.Hour)
	for name, c := range map[string]struct {
		by    *access.Principal
		names bool
	}{
		"its own":          {&access.Principal{Tenant: "acme"}, true},
		"of all tenants":   {&access.Principal{Tenant: "main", AllTenants: true}, true},
		"of another one":   {&access.Principal{Tenant: "main"}, false},
		"without a tenant": {access.Nobody, false},
	} {
		if err := check(access.With(t.Context(), c.by)); err == nil || strings.Contains(err.Error(), "A-1") != c.names || !c.names && strings.Contains(err.Error(), "acme") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
