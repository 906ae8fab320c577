package audit_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"passbook/shared/audit"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/table"
)

// whole runs an audit and returns its report and its text.
func whole(t *testing.T, b *bank) (*audit.Report, string) {
	t.Helper()
	report, err := audit.Run(t.Context(), b.config)
	if err != nil && !errors.Is(err, audit.ErrDifference) {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return report, text.String()
}

// repair returns the Repair that a job gives to an audit.
func (b *bank) repair() *audit.Repair {
	p := b.projection()
	return &audit.Repair{
		CatchUp: func(ctx context.Context, _ string, a event.Account) error { _, err := p.CatchUp(ctx, a); return err },
		Refold:  func(ctx context.Context, _ string, a event.Account) error { return p.Refold(ctx, a) },
	}
}

// forgedEnd returns the record that somebody with access to the stream makes of an account's last
// entry, and the bank whose journal lacks it.
func forgedEnd(t *testing.T, b *bank, follows bool) (rest []*event.Entry, records []segment.Record, forged *event.Entry) {
	t.Helper()
	for _, e := range b.entries {
		if e.AccountID == "A-3" {
			forged = e
		}
	}
	for i, e := range b.entries {
		if e != forged {
			rest, records = append(rest, e), append(records, b.archived[i])
		}
	}
	other := *forged
	if !follows {
		other.Prev = event.Hash{1}
	}
	forged = twin(t, &other)
	last := records[len(records)-1]
	return rest, append(records, segment.Record{Sequence: last.Sequence + "9", Arrived: last.Arrived, Entry: forged}), forged
}

// A forged record that follows the journal's head looks like the end of a journal that lost it.
// Neither the advice nor the repair may mistake one for the other: a restore would make the forged
// record part of the journal.
func TestRun_ForgedEndIsNotRestoredByDefault(t *testing.T) {
	b := newBank(t)
	rest, records, forged := forgedEnd(t, b, true)
	b.fill(t, rest, append(rest, forged), records)
	report, text := whole(t, b)
	for _, want := range []string{
		"journal: main#A-3", "standing: main#A-3", "only if you know that the journal lost it", "A forged record looks the same",
		"bank quarantine redrive main#A-3 if the journal is right",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, f := range report.Findings {
		if strings.Contains(string(f.Advice), "replay journal") && !strings.Contains(string(f.Advice), "only if you know") {
			t.Errorf("%s: %s", f, f.Advice)
		}
	}
	b.config.Repair = b.repair()
	if _, text = whole(t, b); !strings.Contains(text, "not repaired: run bank quarantine redrive main#A-3 if the journal is right") || strings.Contains(text, "(repaired)") {
		t.Errorf("repaired:\n%s", text)
	}
	if _, text = whole(t, b); !strings.Contains(text, "the row is in quarantine: the row is at") {
		t.Errorf("a row ahead of the journal is not marked:\n%s", text)
	}
	if err := b.projection().Redrive(t.Context(), event.Account{Tenant: "main", ID: "A-3"}); err != nil {
		t.Fatal(err)
	}
	if report, text = whole(t, b); report.Count != 1 || report.Findings[0].Where != "journal" {
		t.Errorf("redriven:\n%s", text)
	}
}

// A record that does not follow the journal's head was never its end.
func TestRun_RecordThatDoesNotFollowIsNoLostEnd(t *testing.T) {
	b := newBank(t)
	rest, records, _ := forgedEnd(t, b, false)
	b.fill(t, rest, rest, records)
	report, text := whole(t, b)
	if report.Count != 1 || report.Findings[0].Where != "archive" || !strings.Contains(text, "to do: restore nothing") || strings.Contains(text, "replay journal") {
		t.Errorf("%d:\n%s", report.Count, text)
	}
}

// A repair folds any row that differs from the journal again, and the next audit finds nothing.
func TestRun_RepairFoldsWrongRowsAgain(t *testing.T) {
	for name, change := range map[string]func(table.Map){
		"another entry":   func(a table.Map) { a["hash"] = table.S(event.Hash{1}.String()) },
		"another balance": func(a table.Map) { a["posted"] = table.N(123456) },
		"no limit":        func(a table.Map) { delete(a, "limit") },
		"another state": func(a table.Map) {
			a["state"] = table.S(strings.Replace(string(a["state"].(table.S)), `"b":`, `"b":1`, 1))
		},
		"between entries": func(a table.Map) { a["version"] = a["version"].(table.N) - 1 },
		"behind":          func(a table.Map) { a["version"], a["hash"] = table.N(1), a["first"] },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t)
			b.fill(t, b.entries, b.entries, b.archived)
			first := b.entries[b.of("A-3", 1)]
			b.row(t, "A-3", func(a table.Map) {
				a["first"] = table.S(first.Hash.String())
				change(a)
				delete(a, "first")
			})
			if report, text := whole(t, b); report.Clean() || !strings.Contains(text, "to do: run audit --repair") {
				t.Errorf("found %d:\n%s", report.Count, text)
			}
			b.config.Repair = b.repair()
			report, text := whole(t, b)
			for _, f := range report.Findings {
				if !f.Repaired {
					t.Errorf("not repaired: %s", f)
				}
			}
			if strings.Contains(text, "not repaired") {
				t.Errorf("after the repair:\n%s", text)
			}
			b.config.Repair = nil
			if report, text := whole(t, b); !report.Clean() {
				t.Errorf("still:\n%s", text)
			}
		})
	}
}
