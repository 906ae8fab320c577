package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// whatIf is a report of replay what-if.
type whatIf struct {
	Accounts    int64 `json:"accounts"`
	Decisions   int64 `json:"decisions"`
	Differences int64 `json:"differences"`
	List        []struct {
		AccountID string `json:"account_id"`
		Version   int64  `json:"version"`
		Operation string `json:"operation"`
		Decided   string `json:"decided"`
		Would     string `json:"would"`
	} `json:"list"`
}

// askWhatIf runs replay what-if with rules.
func (b *bank) askWhatIf(t *testing.T, rules string, flags ...string) (report whatIf) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(name, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	got := must(t, "replay", append([]string{"what-if", "--rules", name, "--data", b.data, "-o", "json"}, flags...)...)
	if err := json.Unmarshal([]byte(got.Out), &report); err != nil {
		t.Fatalf("%v in %s", err, got.Out)
	}
	return report
}

// By its own rules a bank decides a day as it did, and by others the archive and the journal name
// the same decisions: those of the day that the limit alone made possible.
func TestADayIsDecidedAgain(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir())
	must(t, "bank", "demo", "--url", b.Base, "--accounts", "12", "--speed", "0")
	b.checkAudit(t)
	decisions := int64(0)
	for _, source := range []string{"archive", "journal"} {
		own := b.askWhatIf(t, `{}`, "--source", source)
		if own.Differences != 0 || own.Decisions < 100 || own.Accounts != int64(len(b.accounts(t))) {
			t.Errorf("%s: %d decisions of %d accounts, and by its own rules %+v", source, own.Decisions, own.Accounts, own.List)
		}
		if decisions != 0 && own.Decisions != decisions {
			t.Errorf("%d decisions in the archive, %d in the journal", decisions, own.Decisions)
		}
		decisions = own.Decisions
	}
	const noLimit = `{"limits":[{"currency":"EUR","at_most":0}]}`
	archived, live := b.askWhatIf(t, noLimit), b.askWhatIf(t, noLimit, "--source", "journal")
	if archived.Differences == 0 || !slices.Equal(archived.List, live.List) {
		t.Fatalf("from the archive %+v, from the journal %+v", archived, live)
	}
	of := archived.List[0].AccountID
	for _, source := range []string{"archive", "journal"} {
		one := b.askWhatIf(t, noLimit, "--account", of, "--source", source)
		if one.Accounts != 1 || one.Differences == 0 || one.List[0] != archived.List[0] {
			t.Errorf("one account from the %s: %+v", source, one)
		}
	}
	if none := b.askWhatIf(t, noLimit, "--to", "2020-01-01T00:00:00Z"); none.Decisions != 0 || none.Differences != 0 {
		t.Errorf("before the bank was: %+v", none)
	}
}

func TestWrongRulesAreNamed(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(name, []byte(`{"limits":[{"currency":"EUR","max":1}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := command(t, "replay", "what-if", "--rules", name, "--data", t.TempDir()); got.Code != 2 || !strings.Contains(got.ErrOut, `limits[0]: there is no member "max"`) {
		t.Errorf("%+v", got)
	}
}
