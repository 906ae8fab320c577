package jobs

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/ops"
	"passbook/shared/audit"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/table"
	"passbook/shared/webhook"
	"passbook/shared/webhook/delivery"
)

// added makes a webhook of tenant main whose accounts from before were found.
func added(t *testing.T, b Bank, e webhook.Endpoint) *webhook.Endpoint {
	t.Helper()
	registry := webhook.NewRegistry(webhook.Config{Table: b.Table, Keys: b.Keys, Bank: "bank", Log: slog.New(slog.DiscardHandler)})
	e.Tenant = "main"
	made, err := registry.Create(t.Context(), e, true)
	if err == nil {
		made, err = registry.Update(t.Context(), "main", made.ID, func(e *webhook.Endpoint) { e.Backfilled = webhook.Complete })
	}
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// bankWithHistory returns a bank with accounts in its journal, and streams.
func bankWithHistory(t *testing.T) Bank {
	t.Helper()
	b := openBank(t)
	for _, stream := range Resources().Streams {
		if err := b.CreateStream(t.Context(), b.Config.Stream(stream)); err != nil {
			t.Fatal(err)
		}
	}
	history(t, b)
	return b
}

// auditedDeliveries audits the bank, and returns what the report has of webhooks.
func auditedDeliveries(t *testing.T, b Bank, repair bool) (found []audit.Finding, report *audit.Report) {
	t.Helper()
	report, err := b.audit(t.Context(), AuditParams{Repair: repair}, progress.New())
	if !errors.Is(err, ops.ErrDifference) { // nothing is archived
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Where == delivery.Table {
			found = append(found, f)
		}
	}
	return found, report
}

// delivered returns the row of an account.
func delivered(t *testing.T, b Bank, e *webhook.Endpoint, id string) table.Row {
	t.Helper()
	row, err := b.Table.Get(t.Context(), delivery.Table, table.Key{PK: e.ID + "#main#" + id, SK: "-"}, true)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// A table of deliveries that was lost is found, and an audit with --repair has everything sent that
// may not have been.
func TestAuditHealsLostDeliveries(t *testing.T) {
	b := bankWithHistory(t)
	all := added(t, b, webhook.Endpoint{URL: "https://all.example"})
	one := added(t, b, webhook.Endpoint{URL: "https://one.example", Accounts: []string{"A-1"}})
	added(t, b, webhook.Endpoint{URL: "https://none.example", Types: []string{"NoSuchType"}})
	found, report := auditedDeliveries(t, b, false)
	if len(found) != 4 || report.Deliveries.Endpoints != 3 || report.Deliveries.Rows != 0 || report.Noted != 0 {
		t.Fatalf("%+v, %+v", found, report.Deliveries)
	}
	for _, f := range found {
		if f.Repaired || f.Version == 0 || !strings.Contains(f.What, "nothing of the account") || !strings.Contains(string(f.Advice), "audit --repair") {
			t.Errorf("%+v", f)
		}
	}
	found, report = auditedDeliveries(t, b, true)
	if len(found) != 4 || report.Noted != 4 || slices.ContainsFunc(found, func(f audit.Finding) bool { return !f.Repaired }) {
		t.Errorf("%+v, %d repaired", found, report.Noted)
	}
	found, report = auditedDeliveries(t, b, false)
	if len(found) != 0 || report.Deliveries.Rows != 4 {
		t.Errorf("after the repair: %+v, %+v", found, report.Deliveries)
	}
	for _, e := range []*webhook.Endpoint{all, one} {
		row := delivered(t, b, e, "A-1").Attrs
		if row.Text("state") != "pending" || row.Number("next") != 1 || row.Number("seen") < 2 || row.Text("listed") != e.ID+"#pending" {
			t.Errorf("%v", row)
		}
	}
	if found, _ := auditedDeliveries(t, b, false); len(found) > 0 {
		t.Error(found)
	}
}

// Each way in which a row can be wrong is named and repaired, and a row of nothing is removed.
func TestAuditRepairsEachWrongDelivery(t *testing.T) {
	b := bankWithHistory(t)
	e := added(t, b, webhook.Endpoint{URL: "https://all.example"})
	auditedDeliveries(t, b, true)
	head := delivered(t, b, e, "A-1").Attrs.Number("seen")
	for name, wrong := range map[string]struct {
		how  func(table.Map)
		says string
	}{
		"behind":              {func(a table.Map) { a["seen"] = table.N(1) }, "only what is up to v1 is noted"},
		"ahead":               {func(a table.Map) { a["seen"], a["next"] = table.N(head+5), table.N(head+3) }, "ahead of the journal"},
		"no version":          {func(a table.Map) { a["next"] = table.N(0) }, "would continue at v0"},
		"beyond":              {func(a table.Map) { a["next"] = table.N(head + 2) }, "would continue at v"},
		"sent too early":      {func(a table.Map) { a["state"], a["listed"] = table.S("delivered"), table.S(e.ID+"#delivered") }, "says that everything was sent"},
		"waits for nothing":   {func(a table.Map) { a["next"] = table.N(head + 1) }, "nothing is left to send"},
		"in no list":          {func(a table.Map) { a["listed"] = table.S(e.ID + "#delivered") }, "in no list"},
		"of no state":         {func(a table.Map) { a["state"], a["listed"] = table.S("lost"), table.S(e.ID+"#lost") }, "in no list"},
		"of somebody else":    {func(a table.Map) { a["account_id"] = table.S("A-2") }, "names another account"},
		"of another endpoint": {func(a table.Map) { a["endpoint"] = table.S("wh_a") }, "names another account or webhook"},
	} {
		row := delivered(t, b, e, "A-1")
		rev := row.Attrs["rev"]
		row.Attrs["next"], row.Attrs["seen"], row.Attrs["state"], row.Attrs["listed"] = table.N(1), table.N(head), table.S("pending"), table.S(e.ID+"#pending")
		wrong.how(row.Attrs)
		if err := b.Table.Put(t.Context(), table.Put{Table: delivery.Table, Row: row, If: table.Equals("rev", rev)}); err != nil {
			t.Fatal(err)
		}
		found, _ := auditedDeliveries(t, b, true)
		if len(found) != 1 || !strings.Contains(found[0].What, wrong.says) || found[0].Account != "main#A-1" || !found[0].Repaired {
			t.Errorf("%s: %+v", name, found)
		}
		if found, _ := auditedDeliveries(t, b, false); len(found) > 0 {
			t.Errorf("%s, after the repair: %+v", name, found)
		}
	}
}

func TestAuditRemovesDeliveriesOfNothing(t *testing.T) {
	b := bankWithHistory(t)
	e := added(t, b, webhook.Endpoint{URL: "https://all.example"})
	auditedDeliveries(t, b, true)
	const gone = "wh_aaaaaaaaaaaaaaaa"
	for _, row := range []delivery.Row{
		{Endpoint: gone, Account: event.Account{Tenant: "main", ID: "A-1"}, Next: 1, Seen: 1, State: delivery.Pending},
		{Endpoint: e.ID, Account: event.Account{Tenant: "main", ID: "A-404"}, Next: 1, Seen: 1, State: delivery.Pending},
		{Endpoint: e.ID, Account: event.Account{Tenant: "other", ID: "A-1"}, Next: 1, Seen: 1, State: delivery.Pending},
	} {
		row.Rev, row.At = 1, time.Now()
		if err := b.Table.Put(t.Context(), table.Put{Table: delivery.Table, Row: row.Item(), If: table.Absent()}); err != nil {
			t.Fatal(err)
		}
	}
	strange := table.Row{Key: table.Key{PK: "what?", SK: "-"}, Attrs: table.Map{"rev": table.N(1)}}
	if err := b.Table.Put(t.Context(), table.Put{Table: delivery.Table, Row: strange, If: table.Absent()}); err != nil {
		t.Fatal(err)
	}
	found, _ := auditedDeliveries(t, b, true)
	var what []string
	for _, f := range found {
		what = append(what, f.What)
	}
	for _, says := range []string{"no such webhook", "that the journal does not have", "another tenant's webhook", `the key "what?"`} {
		if !slices.ContainsFunc(what, func(w string) bool { return strings.Contains(w, says) }) {
			t.Errorf("%q is not found: %q", says, what)
		}
	}
	if found, _ := auditedDeliveries(t, b, false); len(found) != 1 || found[0].Repaired || !strings.Contains(found[0].What, "what?") {
		t.Errorf("after the repair: %+v", found)
	}
}
