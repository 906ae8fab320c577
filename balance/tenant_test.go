package balance

import (
	"fmt"
	"strings"
	"testing"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/control"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Two tenants have accounts of the same ids, and one of them an account more: each reads its own on
// every route, and the other's is as one that there is not.
func TestTenantsReadTheirOwnAccounts(t *testing.T) {
	b := serveTo(t, apitest.Tenants("main", "acme"))
	main, acme := b.client.As("main"), b.client.As("acme")
	for i, id := range []string{"main#A-1", "acme#A-1", "acme#B-1", "main#A-2", "acme#A-2"} {
		b.open(id, "H-1")
		b.credit(id, int64(100*(i+1)))
		b.withdraw(id, 1)
		b.project(id)
	}
	for _, path := range []string{"/v1/accounts/%s/balance", "/v1/accounts/%s/balance?version=2", "/balance/%s", "/v1/accounts/%s/statement", "/v1/accounts/%s/events", "/v1/accounts/%s/series"} {
		own, others := main.Get(fmt.Sprintf(path, "A-1")), acme.Get(fmt.Sprintf(path, "A-1"))
		if own.Status != 200 || others.Status != 200 || string(own.Body) == string(others.Body) {
			t.Errorf("%s: %d %s\nand %d %s", path, own.Status, own.Body, others.Status, others.Body)
		}
		unknown := main.Get(fmt.Sprintf(path, "Z-9"))
		foreign := main.Get(fmt.Sprintf(path, "B-1"))
		if foreign.Status != 404 || foreign.Code() != api.AccountNotFound.Code || sameBut(foreign, "B-1") != sameBut(unknown, "Z-9") {
			t.Errorf("%s: %d %s\nunlike %s", path, foreign.Status, foreign.Body, unknown.Body)
		}
	}
	if posted := acme.Get("/v1/accounts/A-1/balance").Int("posted"); posted != 199 {
		t.Errorf("acme's A-1 has %d", posted)
	}
	for _, list := range []string{"/v1/accounts?limit=1", "/v1/accounts?limit=1&holder=H-1", "/v1/accounts/A-1/statement?limit=1", "/v1/accounts/A-1/events?limit=1"} {
		cursor := acme.Get(list).Text("next_cursor")
		if r := acme.Get(list + "&cursor=" + cursor); r.Status != 200 || cursor == "" {
			t.Errorf("%s: the own cursor: %d %s", list, r.Status, r.Body)
		}
		if r := main.Get(list + "&cursor=" + cursor); r.Status != 400 || r.Errors()[0] != "/cursor syntax" {
			t.Errorf("%s: another tenant's cursor: %d %s", list, r.Status, r.Body)
		}
	}
	for _, query := range []string{"", "?holder=H-1"} {
		if all := string(main.Get("/v1/accounts" + query).Body); strings.Count(all, `"account_id"`) != 2 || strings.Contains(all, "B-1") || !strings.Contains(all, `"posted":399`) {
			t.Errorf("main's accounts%s: %s", query, all)
		}
		if all := string(acme.Get("/v1/accounts" + query).Body); strings.Count(all, `"account_id"`) != 3 || strings.Contains(all, `"posted":399`) {
			t.Errorf("acme's accounts%s: %s", query, all)
		}
	}
}

// sameBut returns a problem document without the id that was asked for and the id of its request.
func sameBut(r apitest.Response, id string) string {
	return strings.ReplaceAll(strings.ReplaceAll(string(r.Body), r.Text("correlation_id"), "-"), id, "-")
}

// Of what a consumer has in quarantine each tenant sees its own accounts, and an operator of all
// tenants everything, also where the stream has the name of a tenant.
func TestTenantsSeeTheirOwnInQuarantine(t *testing.T) {
	bearers := apitest.Tenants("main", "acme", "other")
	bearers["all"] = &access.Principal{Actor: "all", Tenant: "main", Scopes: access.OpsRead, AllTenants: true}
	b := serveTo(t, bearers)
	put := func(id string, attrs table.Map) {
		t.Helper()
		attrs["cause"], attrs["version"] = table.S("out of order"), table.N(1)
		if err := control.Quarantine(b.table, readmodel.Name(Table, 1)).Put(t.Context(), id, attrs, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"main#A-1", "acme#A-1", "acme#A-2"} {
		b.open(id, "")
		put(id, table.Map{"tenant": table.S(of(id).Tenant), "account_id": table.S(of(id).ID)})
	}
	put("acme#shardId-000000000000#7", table.Map{})
	for bearer, want := range map[string]string{
		"main":  `[{"account_id":"A-1","blocked_at_version":1,"behind_versions":1,"cause":"out of order"}]`,
		"other": `[]`,
		"acme": `[{"account_id":"A-1","blocked_at_version":1,"behind_versions":1,"cause":"out of order"},` +
			`{"account_id":"A-2","blocked_at_version":1,"behind_versions":1,"cause":"out of order"}]`,
		"all": `[{"tenant":"acme","account_id":"A-1","blocked_at_version":1,"behind_versions":1,"cause":"out of order"},` +
			`{"tenant":"acme","account_id":"A-2","blocked_at_version":1,"behind_versions":1,"cause":"out of order"},` +
			`{"record":"acme#shardId-000000000000#7","cause":"out of order"},` +
			`{"tenant":"main","account_id":"A-1","blocked_at_version":1,"behind_versions":1,"cause":"out of order"}]`,
	} {
		r := b.client.As(bearer).Get("/v1/consumers")
		if _, blocked, _ := strings.Cut(string(r.Body), `"blocked":`); r.Status != 200 || !strings.HasPrefix(blocked, want) {
			t.Errorf("%s: %d %s\nwant %s", bearer, r.Status, r.Body, want)
		}
	}
}
