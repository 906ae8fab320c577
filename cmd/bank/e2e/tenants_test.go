package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
	"passbook/shared/embedded"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

// as returns the bank as the holder of a new key of a tenant, with all scopes, uses it.
func (b *bank) as(t *testing.T, tenant string, flags ...string) *bank {
	t.Helper()
	made := bankKey[keyOf](t, b.data, append([]string{"create", "--name", "of-" + tenant, "--tenant", tenant, "--scopes", "all"}, flags...)...)
	as := *b
	as.bearer = made.Key
	as.becomes(t, 200)
	return &as
}

// send sends a command, "METHOD /path", with a key and a body.
func (b *bank) send(t *testing.T, route, key, payload string) answer {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	a, err := b.try(method, path, key, payload)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// work sends the same commands for every tenant, with the same ids and the same keys: only the
// amounts are the tenant's own.
func (b *bank) work(t *testing.T, amount int64) (made string) {
	t.Helper()
	for i, c := range []struct {
		route, body string
		status      int
	}{
		{"POST /v1/accounts", `{"account_id":"A-1","currency":"EUR","holder_ref":"H-1","credit_limit":1000}`, 201},
		{"POST /v1/accounts", `{"account_id":"A-2","currency":"EUR","holder_ref":"H-1"}`, 201},
		{"POST /v1/accounts/A-1/credits", money(10 * amount), 201},
		{"POST /v1/accounts/A-1/withdrawals", money(amount), 201},
		{"POST /v1/accounts/A-1/withdrawals", money(1_000_000), 422},
		{"POST /v1/accounts/A-1/withdrawals/t3/reversal", `{}`, 201},
		{"POST /v1/accounts/A-1/holds", money(amount), 201},
		{"POST /v1/accounts/A-1/holds/h6/capture", `{}`, 201},
		{"POST /v1/transfers", fmt.Sprintf(`{"from":"A-1","to":"A-2","amount":%d,"currency":"EUR"}`, amount), 201},
		{"POST /withdraw", fmt.Sprintf(`{"account_id":"A-1","amount":%d,"currency":"EUR"}`, 7*amount+700), 201},
		{"POST /v1/accounts/A-2/freeze", `{"scope":"all"}`, 201},
	} {
		first := b.send(t, c.route, fmt.Sprint("k-", i), c.body)
		again := b.send(t, c.route, fmt.Sprint("k-", i), c.body)
		if first.status != c.status || first.replayed() || !again.replayed() || again.text != first.text {
			t.Fatalf("%s: %d %s\nagain: %d %s", c.route, first.status, first.text, again.status, again.text)
		}
	}
	lines := b.stream(t, "/v1/bulk", fmt.Sprintf(`{"op":"open","idempotency_key":"b-1","account_id":"A-3","currency":"JPY"}
{"op":"credit","idempotency_key":"b-2","account_id":"A-3","amount":%d,"currency":"JPY"}
`, amount))
	if len(lines) != 2 || !strings.Contains(lines[1], fmt.Sprintf(`"posted":%d`, amount)) {
		t.Fatalf("%s", lines)
	}
	return b.post(t, "/v1/accounts", "made", `{"currency":"EUR"}`).must(t, 201).body.AccountID
}

// TestTenantsAreApart runs two tenants with the same account ids and keys on one bank: in one
// journal, stream, archive and table. Everything that each reads, on every route and by every job,
// is its own, also after the read models were rebuilt from the archive.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir(), "--auth", "apikey")
	main, acme := b.as(t, "main"), b.as(t, "acme")
	if one, other := main.work(t, 100), acme.work(t, 7); one == other {
		t.Errorf("both tenants were given %s", one)
	}
	acme.open(t, "B-1", 500)
	held := fmt.Sprintf(`{"amount":10,"currency":"EUR","expires_at":%q}`, time.Now().Add(2*time.Second).UTC().Format(time.RFC3339))
	acme.post(t, "/v1/accounts/B-1/holds", "held", held).must(t, 201)
	for tenant, opened := range map[*bank]int{main: 4, acme: 5} {
		programtest.Every(t, 50*time.Millisecond, "all accounts are listed", func() error {
			if ids := tenant.accounts(t); len(ids) != opened {
				return fmt.Errorf("%v", ids)
			}
			return nil
		})
		for _, id := range tenant.accounts(t) {
			tenant.get(t, "/v1/accounts/"+id+"/balance?min_version=1&wait=10s").must(t, 200)
			tenant.get(t, "/v1/accounts/"+id+"/credit-limit?min_version=1&wait=10s").must(t, 200)
		}
		tenant.get(t, "/v1/accounts/A-1/balance?min_version=9&wait=10s").must(t, 200)
		tenant.get(t, "/v1/accounts/A-1/credit-limit?min_version=9&wait=10s").must(t, 200)
	}
	if ids := main.accounts(t); len(ids) != 4 || slices.Contains(ids, "B-1") {
		t.Errorf("main's accounts: %v", ids)
	}
	if ids := acme.accounts(t); len(ids) != 5 {
		t.Errorf("acme's accounts: %v", ids)
	}
	posted := map[*bank]int64{main: 1000 - 100 - 100 - 1400, acme: 70 - 7 - 7 - 749}
	for tenant, want := range posted {
		if a := tenant.get(t, "/v1/accounts/A-1/balance").must(t, 200); a.body.Posted != want {
			t.Errorf("A-1 has %d, not %d", a.body.Posted, want)
		}
	}
	programtest.Every(t, 200*time.Millisecond, "the sweeper ends acme's hold", func() error {
		if a := acme.get(t, "/v1/accounts/B-1/events?from_version=4"); !strings.Contains(a.text, `"actor":"service:withdraw"`) || !strings.Contains(a.text, `"reason":"expired"`) {
			return errors.New(a.text)
		}
		return nil
	})
	acme.get(t, "/v1/accounts/B-1/balance?min_version=4&wait=10s").must(t, 200)
	acme.get(t, "/v1/accounts/B-1/credit-limit?min_version=4&wait=10s").must(t, 200)
	foreignIsUnknown(t, main)
	tenantsByJob(t, main)
	before := map[*bank]map[string]string{main: main.everything(t), acme: acme.everything(t)}
	for _, model := range []string{"balance", "creditlimit"} {
		must(t, "replay", "rebuild", "--model", model, "--from", "archive", "--data", b.data)
		must(t, "replay", "promote", "--model", model, "--data", b.data)
	}
	for tenant, was := range before {
		if is := tenant.everything(t); !maps.Equal(is, was) {
			t.Errorf("after the rebuild:\n%v\nbefore:\n%v", is, was)
		}
	}
	b.Terminate()
	notifiedApart(t, b.data)
}

// foreignIsUnknown checks that main's every call about B-1, which only another tenant has, is
// answered as one about an account that nobody has, byte for byte.
func foreignIsUnknown(t *testing.T, main *bank) {
	t.Helper()
	for _, call := range []struct{ route, body string }{
		{"GET /v1/accounts/%s", ""}, {"GET /v1/accounts/%s/balance", ""}, {"GET /v1/accounts/%s/balance?version=1", ""}, {"GET /balance/%s", ""}, {"GET /v1/accounts/%s/holds", ""},
		{"GET /v1/accounts/%s/statement", ""}, {"GET /v1/accounts/%s/events", ""}, {"GET /v1/accounts/%s/credit-limit", ""}, {"GET /creditLimit/%s", ""},
		{"GET /v1/accounts/%s/credit-limit/history", ""}, {"GET /v1/accounts/%s/credit-limit/explain?amount=1", ""},
		{"GET /v1/accounts/%s/balance?min_version=1&wait=10ms", ""},
		{"POST /v1/accounts/%s/credits", money(1)}, {"POST /credit", `{"account_id":"%s","amount":1,"currency":"EUR"}`},
		{"POST /v1/accounts/%s/withdrawals", money(1)}, {"POST /withdraw", `{"account_id":"%s","amount":1,"currency":"EUR"}`},
		{"POST /v1/accounts/%s/credits/t2/reversal", `{}`}, {"POST /v1/accounts/%s/withdrawals/t2/reversal", `{}`},
		{"POST /v1/accounts/%s/holds", money(1)}, {"POST /v1/accounts/%s/holds/h2/capture", `{}`}, {"POST /v1/accounts/%s/holds/h2/release", `{}`},
		{"POST /v1/transfers", `{"from":"%s","to":"A-1","amount":1,"currency":"EUR"}`}, {"POST /v1/transfers", `{"from":"A-1","to":"%s","amount":1,"currency":"EUR"}`},
		{"PUT /v1/accounts/%s/credit-limit", `{"limit":5,"reason":"r","decided_by":"d"}`}, {"POST /v1/accounts/%s/freeze", `{"scope":"all"}`},
		{"POST /v1/accounts/%s/unfreeze", `{}`}, {"POST /v1/accounts/%s/close", `{}`},
	} {
		ask := func(id string) (answer, string) {
			key := ""
			if call.body != "" {
				key = "foreign-" + strings.ReplaceAll(call.route, "%s", "") + call.body
			}
			a := main.send(t, strings.ReplaceAll(call.route, "%s", id), key, strings.ReplaceAll(call.body, "%s", id))
			var document struct {
				CorrelationID string `json:"correlation_id"`
			}
			if err := json.Unmarshal([]byte(a.text), &document); err != nil {
				t.Fatal(err)
			}
			return a, strings.NewReplacer(document.CorrelationID, "-", id, "-").Replace(a.text)
		}
		foreign, text := ask("B-1")
		unknown, other := ask("Z-9")
		if foreign.status != unknown.status || text != other || foreign.status != http.StatusNotFound {
			t.Errorf("%s: another tenant's account: %d %s\nan unknown one: %d %s", call.route, foreign.status, foreign.text, unknown.status, unknown.text)
		}
	}
}

// tenantsByJob checks that the jobs tell the tenants apart.
func tenantsByJob(t *testing.T, b *bank) {
	t.Helper()
	b.checkAudit(t)
	type report struct {
		Tenant string `json:"tenant"`
		Totals map[string]struct {
			Accounts int64             `json:"accounts"`
			Posted   map[string]string `json:"posted"`
		} `json:"totals"`
	}
	for tenant, want := range map[string]string{"": "9 -686", "main": "4 -500", "acme": "5 -186"} {
		var r report
		got := must(t, "audit", "--json", "--data", b.data, "--grace", "0s", "--tenant", tenant)
		if err := json.Unmarshal([]byte(got.Out), &r); err != nil {
			t.Fatal(err)
		}
		for _, source := range []string{"journal", "archive", "balance"} {
			total := r.Totals[source]
			if is := fmt.Sprint(total.Accounts, " ", total.Posted["EUR"]); is != want || r.Tenant != tenant {
				t.Errorf("audit of %q: %s has %s, not %s", tenant, source, is, want)
			}
		}
	}
	if out := command(t, "audit", "--data", b.data, "--tenant", "nobody"); out.Code == 0 || !strings.Contains(out.ErrOut, "no account of this tenant") {
		t.Errorf("audit of a tenant without accounts: %+v", out)
	}
	for _, c := range []struct {
		flags []string
		wants []string
	}{
		{nil, []string{"acme#A-1", "acme#A-2", "acme#A-3", "acme#B-1", "main#A-1", "main#A-2", "main#A-3"}},
		{[]string{"--tenant", "acme"}, []string{"acme#A-1", "acme#A-2", "acme#A-3", "acme#B-1"}},
		{[]string{"--account", "A-1"}, []string{"main#A-1"}},
		{[]string{"--account", "A-1", "--tenant", "acme"}, []string{"acme#A-1"}},
		{[]string{"--account", "acme#A-1"}, []string{"acme#A-1"}},
	} {
		got := must(t, "replay", append([]string{"at", "-o", "ndjson", "--time", "2099-01-01T00:00:00Z", "--data", b.data}, c.flags...)...)
		var found []string
		for line := range strings.Lines(got.Out) {
			var s struct {
				Tenant    string `json:"tenant"`
				AccountID string `json:"account_id"`
				Posted    int64  `json:"posted"`
			}
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatal(err)
			}
			if len(s.AccountID) == 3 { // not those that the bank named
				found = append(found, s.Tenant+"#"+s.AccountID)
			}
			if want := map[string]int64{"main": -600, "acme": -693}[s.Tenant]; s.AccountID == "A-1" && s.Posted != want {
				t.Errorf("%s's A-1 had %d", s.Tenant, s.Posted)
			}
		}
		if slices.Sort(found); !slices.Equal(found, c.wants) {
			t.Errorf("replay at %v: %v, not %v", c.flags, found, c.wants)
		}
	}
	if got := command(t, "replay", "at", "--version", "1", "--account", "B-1", "--data", b.data); got.Code != 1 || !strings.Contains(got.ErrOut, "no such account") {
		t.Errorf("main's B-1: %d %s%s", got.Code, got.Out, got.ErrOut)
	}
	if got := command(t, "bank", "clock", "accept", "B-1", "--data", b.data); got.Code == 0 || !strings.Contains(got.ErrOut, "no account main#B-1") {
		t.Errorf("the clock of main's B-1: %d %s", got.Code, got.ErrOut)
	}
	if got := command(t, "audit", "--tenant", "Acme", "--data", b.data); got.Code != 2 || !strings.Contains(got.ErrOut, "--tenant") {
		t.Errorf("no tenant: %d %s", got.Code, got.ErrOut)
	}
}

// notifiedApart checks that the notifications of the same account ids name the tenants.
func notifiedApart(t *testing.T, data string) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	streams, err := pebblestream.New(db, pebblestream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shards, err := streams.Shards(t.Context(), "passbook-notifications")
	if err != nil {
		t.Fatal(err)
	}
	tenants := map[string]int{}
	for _, shard := range shards {
		at, err := streams.Iterator(t.Context(), "passbook-notifications", shard.ID, stream.Position{Where: stream.TrimHorizon})
		if err != nil {
			t.Fatal(err)
		}
		batch, err := streams.Get(t.Context(), at, stream.MaxGetRecords)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			var message struct {
				Tenant    string `json:"tenant"`
				AccountID string `json:"account_id"`
			}
			if err := json.Unmarshal(r.Data, &message); err != nil || r.PartitionKey != message.Tenant+"#"+message.AccountID {
				t.Errorf("%s: %s: %v", r.PartitionKey, r.Data, err)
			}
			tenants[message.Tenant]++
		}
	}
	if err := errors.Join(db.Close()); err != nil {
		t.Fatal(err)
	}
	if tenants["main"] == 0 || tenants["main"] != tenants["acme"] {
		t.Errorf("notifications by tenant: %v", tenants)
	}
}
