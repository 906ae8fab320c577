package jobs

import (
	"errors"
	"strings"
	"testing"

	"passbook/cmd/internal/ops"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/table"
)

// A row that was folded from another entry than the journal's, as from a forged record, is folded
// from the journal again.
func TestAuditRepairsARowOfAnotherHistory(t *testing.T) {
	b := openBank(t)
	for _, stream := range Resources().Streams {
		if err := b.CreateStream(t.Context(), b.Config.Stream(stream)); err != nil {
			t.Fatal(err)
		}
	}
	entries := history(t, b)
	project(t, b, Models[0], 1)
	last := entries[0]
	for _, e := range entries {
		if e.AccountID == "A-1" {
			last = e
		}
	}
	change(t, b, Models[0], 1, "A-1", func(a table.Map) {
		a["version"], a["hash"] = table.N(last.First-1), table.S(event.Hash{1}.String())
	})
	report, err := b.audit(t.Context(), AuditParams{Repair: true}, progress.New())
	if !errors.Is(err, ops.ErrDifference) {
		t.Fatal(err)
	}
	named := false
	for _, f := range report.Findings {
		named = named || f.Account == "main#A-1" && strings.Contains(f.What, "no entry of the journal ends at") ||
			f.Account == "main#A-1" && strings.Contains(f.What, "another entry")
	}
	if all := report.Totals["journal"].Accounts; !named || all != 3 {
		t.Errorf("named %v, %d audited, %d repaired", named, all, report.Projected)
	}
	report, err = b.audit(t.Context(), AuditParams{}, progress.New())
	for _, f := range report.Findings {
		if f.Where == Models[0] {
			t.Errorf("still: %s (%v)", f, err)
		}
	}
}
