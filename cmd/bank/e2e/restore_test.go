package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/embedded"

	"passbook/cmd/internal/programtest"
)

// loseAllButTheJournal takes a directory of a bank that is down, and leaves of its database only
// the table of the journal: no read model, no lease, checkpoint or generation, no stream. It knows
// the keyspaces of the embedded engine: a byte for tables or streams, and in tables a byte for rows
// or indexes, the table's name, and a zero.
func loseAllButTheJournal(t *testing.T, data string) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	lost := []string{string(embedded.StreamSpace)}
	for _, name := range []string{"balance", "creditlimit", "control"} {
		for _, space := range []string{"r", "i"} {
			lost = append(lost, string(embedded.TableSpace)+space+name+"\x00")
		}
	}
	err = db.Commit(t.Context(), embedded.Write{Stage: func(batch *pebble.Batch) error {
		for _, prefix := range lost {
			end := []byte(prefix)
			end[len(end)-1]++
			if err := batch.DeleteRange([]byte(prefix), end, nil); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// loseAllButTheArchive leaves the archive's segments and nothing else.
func loseAllButTheArchive(t *testing.T, data string) {
	t.Helper()
	entries, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "archive" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(data, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// projectedAt is the one member of a read model's answer that a rebuilt row may have otherwise.
var projectedAt = regexp.MustCompile(`"projected_at":"[^"]*",?`)

// everything returns what the bank answers about each account: both read models, the open holds,
// the statement, and all events.
func (b *bank) everything(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, id := range b.accounts(t) {
		for _, path := range []string{"/balance", "/credit-limit", "/holds", "/statement?limit=100", "/events?limit=100", "/credit-limit/history"} {
			a := b.get(t, "/v1/accounts/"+id+path).must(t, 200)
			all[id+path] = projectedAt.ReplaceAllString(a.text, "")
		}
	}
	return all
}

// same compares two of everything.
func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if after[what] != before[what] {
			t.Errorf("%s was\n%s\nand is\n%s", what, before[what], after[what])
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d answers, before %d", len(after), len(before))
	}
}

// must runs a program that has to succeed.
func must(t *testing.T, name string, args ...string) programtest.Outcome {
	t.Helper()
	got := command(t, name, args...)
	if got.Code != 0 {
		t.Fatalf("%s %q: %d\n%s%s", name, args, got.Code, got.Out, got.ErrOut)
	}
	return got
}

// TestLossAndRebuild loses first everything but the journal, then everything but the archive, and
// gets everything back each time, row for row; commands work again, and a key that was used before
// gets its first answer.
func TestLossAndRebuild(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := serve(t, data)
	must(t, "bank", "demo", "--url", b.Base, "--accounts", "5", "--speed", "0")
	b.open(t, "A-1", 500)
	first := b.post(t, "/v1/accounts/A-1/withdrawals", "once", money(100)).must(t, 201)
	b.checkAudit(t)
	before := b.everything(t)
	b.Terminate()

	loseAllButTheJournal(t, data)
	rebuild(t, data, "journal")
	b = serve(t, data)
	same(t, before, b.everything(t))
	b.checkAudit(t)
	b.Terminate()

	loseAllButTheArchive(t, data)
	must(t, "replay", "journal", "--data", data)
	rebuild(t, data, "archive")
	b = serve(t, data)
	same(t, before, b.everything(t))
	again := b.post(t, "/v1/accounts/A-1/withdrawals", "once", money(100)).must(t, 201)
	if !again.replayed() || again.text != first.text {
		t.Errorf("the repeated command: replayed %t\n%s\nfirst\n%s", again.replayed(), again.text, first.text)
	}
	next := b.post(t, "/v1/accounts/A-1/withdrawals", "twice", money(100)).must(t, 201)
	if next.body.Version != first.body.Version+1 || next.body.Balance.Posted != 300 {
		t.Errorf("the next command: %s", next.text)
	}
	if a := b.get(t, fmt.Sprintf("/v1/accounts/A-1/balance?min_version=%d&wait=10s", next.body.Version)).must(t, 200); a.body.Posted != 300 {
		t.Errorf("the balance after it: %s", a.text)
	}
	must(t, "bank", "demo", "--url", b.Base, "--accounts", "5", "--speed", "0", "--seed", "2")
	b.checkAudit(t)
}

// rebuild rebuilds both read models of a bank that is down and promotes them.
func rebuild(t *testing.T, data, from string) {
	t.Helper()
	for _, model := range []string{"balance", "creditlimit"} {
		must(t, "replay", "rebuild", "--data", data, "--model", model, "--from", from)
		must(t, "replay", "promote", "--data", data, "--model", model)
	}
}
