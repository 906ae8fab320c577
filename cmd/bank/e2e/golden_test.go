package e2e

import (
	"fmt"
	"testing"

	"passbook/cmd/internal/golden"
)

// goldenStates are the accounts of the first golden directory, as the first release answered for
// them.
var goldenStates = []state{
	{AccountID: "6x25g7f24bapq4jrzfqgxuc3yh", Posted: 4730, Available: 4730, Version: 46},
	{AccountID: "A-1", Posted: 225500, Held: 800, Limit: 10000, Available: 234700, Version: 15},
	{AccountID: "A-2", Posted: 20655, Available: 20655, Version: 8},
	{AccountID: "A-3", Posted: -6600, Held: 100, Limit: 8000, Available: 1300, Version: 7},
	{AccountID: "B-1", Posted: 9, Available: 9, Version: 2},
	{AccountID: "H-1", Posted: -1608, Limit: 1000000, Available: 998392, Version: 49},
	{AccountID: "J-1", Posted: 123456, Available: 123456, Version: 5},
	{AccountID: "Z-1", Version: 2},
}

// checkGolden compares every account's balance in the read model, at its last version in the
// journal, and in the archive with what the first release answered.
func (b *bank) checkGolden(t *testing.T) {
	t.Helper()
	for _, want := range goldenStates {
		id := want.AccountID
		if got, ok := b.then(t, id, fmt.Sprintf("min_version=%d&wait=10s", want.Version)); !ok || got != want {
			t.Errorf("the read model has %+v, not %+v", got, want)
		}
		if got, ok := b.then(t, id, fmt.Sprintf("version=%d", want.Version)); !ok || got != want {
			t.Errorf("the journal has %+v, not %+v", got, want)
		}
		if events := b.history(t, id); int64(len(events)) != want.Version {
			t.Errorf("%s has %d events, not %d", id, len(events), want.Version)
		}
	}
	archived := b.archived(t, "--time", "2026-11-29T19:44:54.78Z")
	for _, want := range goldenStates {
		if got := archived[want.AccountID]; got != want {
			t.Errorf("the archive has %+v, not %+v", got, want)
		}
	}
}

func TestADirectoryOfTheFirstReleaseContinues(t *testing.T) {
	t.Parallel()
	b := serve(t, golden.Unpack(t, golden.First))
	b.checkGolden(t)
	b.checkAudit(t)

	for i, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/accounts", `{"account_id":"N-1","currency":"EUR"}`, 201},
		{"POST", "/v1/accounts/A-2/credits", money(45), 201},
		{"POST", "/v1/accounts/A-2/withdrawals/t5/reversal", `{}`, 404},
		{"POST", "/v1/accounts/A-1/holds/h12/capture", `{"amount":300}`, 201},
		{"POST", "/v1/accounts/A-3/holds/h3/release", `{}`, 201},
		{"PUT", "/v1/accounts/A-3/credit-limit", `{"limit":9000}`, 200},
		{"POST", "/v1/transfers", `{"from":"A-1","to":"N-1","amount":500,"currency":"EUR"}`, 201},
		{"POST", "/v1/accounts/H-1/withdrawals", money(8), 201},
		{"POST", "/v1/accounts/H-1/withdrawals", money(998385), 422},
		{"POST", "/v1/accounts/J-1/withdrawals", `{"amount":1,"currency":"JPY"}`, 409},
		{"POST", "/v1/accounts/J-1/unfreeze", `{}`, 201},
		{"POST", "/v1/accounts/J-1/withdrawals", `{"amount":1,"currency":"JPY"}`, 201},
		{"POST", "/v1/accounts/Z-1/credits", money(1), 409},
	} {
		a, err := b.try(c.method, c.path, fmt.Sprintf("after-%d", i), c.body)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != c.status {
			t.Errorf("%s %s: status %d, want %d: %s", c.method, c.path, a.status, c.status, a.text)
		}
	}
	b.checkAudit(t)
	b.Terminate()
	b = serve(t, b.data)
	if got, ok := b.then(t, "A-1", "min_version=17&wait=10s"); !ok || got.Posted != 224700 || got.Held != 0 {
		t.Errorf("A-1 after the new commands: %+v", got)
	}
	must(t, "replay", "discard", "--model", "balance", "--yes", "--data", b.data)
	rebuild(t, b.data, "archive")
	b.checkAudit(t)
	b.Terminate()
	formats, err := golden.Read("../../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	golden.CheckDirectory(t, formats, b.data)
}

// TestADirectoryWithScarsContinues opens a directory with holes, a quarantined record, a retired
// segment and writers that were killed.
func TestADirectoryWithScarsContinues(t *testing.T) {
	t.Parallel()
	b := serve(t, golden.Unpack(t, golden.Second))
	b.checkAudit(t)
	b.post(t, "/v1/accounts/A-1/withdrawals", "after-1", money(1)).must(t, 201)
	if got, ok := b.then(t, "A-1", "min_version=17&wait=10s"); !ok || got.Posted != 225500 {
		t.Errorf("A-1 has %+v", got)
	}
	b.checkAudit(t)
}

// TestAnUpgradedDirectoryContinues opens a directory that was begun with entry format 1 and
// upgraded, and restores all of it from its archive, in which both formats are.
func TestAnUpgradedDirectoryContinues(t *testing.T) {
	t.Parallel()
	b := serve(t, golden.Unpack(t, golden.Third))
	b.checkAudit(t)
	b.post(t, "/v1/accounts/A-1/withdrawals", "after-1", money(1)).must(t, 201)
	if got, ok := b.then(t, "A-1", "min_version=12&wait=10s"); !ok || got.Posted != 240799 {
		t.Errorf("A-1 has %+v", got)
	}
	b.checkAudit(t)
	before := b.everything(t)
	b.Terminate()
	loseAllButTheArchive(t, b.data)
	must(t, "replay", "journal", "--data", b.data)
	rebuild(t, b.data, "archive")
	b = serve(t, b.data)
	same(t, before, b.everything(t))
	b.checkAudit(t)
}
