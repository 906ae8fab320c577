package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// Two tenants have the same account ids, in the same tables, stream and bucket, and their commands
// come to writers that the accounts do not belong to. Each reads its own, and the entries name who
// commanded, also where another writer decided.
func TestTenantsAreApartOnAWS(t *testing.T) {
	f := newProcesses(t, 2)
	f.environ = append(f.environ, "PASSBOOK_AUTH=apikey")
	var fleet []*instance
	base := map[string][]string{}
	for _, service := range services {
		for n := range instances {
			i := f.start(t, service, n)
			fleet, base[service] = append(fleet, i), append(base[service], i.base)
		}
	}
	const scopes = "accounts:read,accounts:write,money:credit,money:withdraw,limits:write,ops:read"
	tenants := map[string]apiKey{"main": f.makeKey(t, scopes), "acme": f.makeKey(t, scopes, "--tenant", "acme")}
	for _, k := range tenants {
		k.awaitAll(t, fleet, 200)
	}
	const accounts = 12
	amount := map[string]int{"main": 100, "acme": 7}
	for n := range accounts { // one command to one writer, the next to the other
		id := fmt.Sprint("A-", n)
		for tenant, k := range tenants {
			for _, step := range []struct{ url, body string }{
				{base["credit"][n%2] + "/v1/accounts", fmt.Sprintf(`{"account_id":%q,"currency":"EUR","credit_limit":10}`, id)},
				{base["credit"][(n+1)%2] + "/v1/accounts/" + id + "/credits", fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, 2*amount[tenant])},
				{base["withdraw"][n%2] + "/v1/accounts/" + id + "/withdrawals", fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, amount[tenant])},
			} {
				if got, text := k.with(t, http.MethodPost, step.url, step.body); got != 201 {
					t.Fatalf("%s of %s: %d %s", step.url, tenant, got, text)
				}
			}
		}
	}
	if got, text := tenants["acme"].with(t, http.MethodPost, base["credit"][0]+"/v1/accounts", `{"account_id":"B-1","currency":"EUR"}`); got != 201 {
		t.Fatalf("%d %s", got, text)
	}
	for tenant, k := range tenants {
		for n := range accounts {
			of := fmt.Sprint("/v1/accounts/A-", n)
			got, text := k.with(t, http.MethodGet, base["balance"][n%2]+of+"/balance?min_version=3&wait=20s", "")
			if got != 200 || !strings.Contains(text, fmt.Sprintf(`"posted":%d,`, amount[tenant])) {
				t.Errorf("%s of %s: %d %s", of, tenant, got, text)
			}
			got, text = k.with(t, http.MethodGet, base["balance"][n%2]+of+"/events", "")
			if got != 200 || strings.Count(text, `"actor":"key:`+k.ID+`"`) != 3 {
				t.Errorf("who commanded %s of %s: %d %s", of, tenant, got, text)
			}
			got, text = k.with(t, http.MethodGet, base["creditlimit"][n%2]+of+"/credit-limit?min_version=3&wait=20s", "")
			if got != 200 || !strings.Contains(text, `"version":3`) {
				t.Errorf("%s of %s: %d %s", of, tenant, got, text)
			}
		}
	}
	for path, service := range map[string]string{"/balance": "balance", "/statement": "balance", "/events": "balance", "/credit-limit": "creditlimit", "/credit-limit/history": "creditlimit"} {
		if got, text := tenants["main"].with(t, http.MethodGet, base[service][0]+"/v1/accounts/B-1"+path, ""); got != 404 {
			t.Errorf("main's B-1: %d %s", got, text)
		}
	}
	forwarded := 0
	for _, i := range fleet[:2*instances] {
		_, text := tenants["main"].with(t, http.MethodGet, i.base+"/metrics", "")
		for line := range strings.Lines(text) {
			var n int
			if _, err := fmt.Sscanf(line, `passbook_forwarded_commands_total{outcome="answered"} %d`, &n); err == nil {
				forwarded += n
			}
		}
	}
	if forwarded == 0 {
		t.Error("no command was decided by another writer")
	}
	t.Logf("%d commands were decided by another writer", forwarded)
	f.tenantsByJob(t, accounts)
}

// tenantsByJob waits until everything is archived, and checks that jobs tell the tenants apart.
func (f *processes) tenantsByJob(t *testing.T, accounts int) {
	t.Helper()
	programtest.Every(t, 2*time.Second, "everything is archived", func() error {
		return f.job(t, "audit", "--grace", "1ms")
	})
	for tenant, want := range map[string]int{"main": accounts, "acme": accounts + 1} {
		if got := programtest.Run(t, "", f.environ, "audit", "--grace", "1ms", "--tenant", tenant); got.Code != 0 || !strings.Contains(got.Out, fmt.Sprintf("%-12s %12d ", "journal", want)) {
			t.Errorf("audit of %s: %d\n%s%s", tenant, got.Code, got.Out, got.ErrOut)
		}
		got := programtest.Run(t, "", f.environ, "replay", "at", "--time", "2099-01-01T00:00:00Z", "--tenant", tenant, "-o", "csv")
		if got.Code != 0 || strings.Count(got.Out, "\n"+tenant+",") != want || strings.Count(got.Out, "\n") != want+1 {
			t.Errorf("replay at, of %s: %d\n%s%s", tenant, got.Code, got.Out, got.ErrOut)
		}
	}
}
