package audit_test

import (
	"strings"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/audit"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Two tenants have the same account ids. What is wrong with the account of one is found for this
// one alone, and an audit of the other finds nothing.
func TestRun_TenantsWithTheSameAccountIDs(t *testing.T) {
	b := newBank(t)
	b.entries = archivetest.Tenants(7, 5, 100, "acme", "main")
	b.archived = archivetest.Records(b.entries)
	lost := -1
	for i, e := range b.entries {
		if e.Tenant == "acme" && e.AccountID == "A-2" {
			lost = i
		}
	}
	b.fill(t, b.entries, b.entries, without(b.archived, lost))
	key := readmodel.RowKey(1, event.Account{Tenant: "acme", ID: "A-3"})
	row, err := b.table.Get(t.Context(), model, key, true)
	if err != nil {
		t.Fatal(err)
	}
	rev := row.Attrs["rev"]
	row.Attrs["posted"] = table.N(-1)
	if err := b.table.Put(t.Context(), table.Put{Table: model, Row: row, If: table.Equals("rev", rev)}); err != nil {
		t.Fatal(err)
	}
	orphan := table.Row{Key: readmodel.RowKey(1, event.Account{Tenant: "acme", ID: "Z"}), Attrs: table.Map{"version": table.N(4)}}
	if err := b.table.Put(t.Context(), table.Put{Table: model, Row: orphan, If: table.Absent()}); err != nil {
		t.Fatal(err)
	}
	totals := map[string]audit.Total{}
	for tenant, findings := range map[string]int64{"": 3, "acme": 3, "main": 0, "nobody": 0} {
		b.config.Tenant = tenant
		report, text := whole(t, b)
		if report.Count != findings || report.Tenant != tenant {
			t.Errorf("tenant %q: %d findings, not %d:\n%s", tenant, report.Count, findings, text)
		}
		for _, f := range report.Findings {
			if !strings.HasPrefix(f.Account, "acme#") {
				t.Errorf("tenant %q: %s", tenant, f)
			}
		}
		if tenant != "" && !strings.Contains(text, "of tenant "+tenant+" (") {
			t.Errorf("the tenant is not named:\n%s", text)
		}
		totals[tenant] = report.Totals["journal"]
	}
	if all := totals[""]; all.Accounts != 10 || all.Entries != 200 || totals["acme"].Accounts != 5 || totals["main"].Entries != 100 || totals["nobody"].Accounts != 0 {
		t.Errorf("totals: %+v", totals)
	}
}
