package jobs

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/balance"
	"passbook/shared/archive/archivetest"
	"passbook/shared/audit"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/derived"
	"passbook/shared/derived/verify"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/table"
)

// damage changes a further row as nobody should: it deletes the row if how is nil.
func (l *life) damage(key table.Key, how func(table.Map)) {
	l.t.Helper()
	row, err := l.table.Get(l.t.Context(), derived.Table, key, true)
	l.must(err)
	if how == nil {
		l.must(l.table.Delete(l.t.Context(), derived.Table, key, table.Equals("format", table.N(1))))
		return
	}
	how(row.Attrs)
	l.must(l.table.Put(l.t.Context(), table.Put{Table: derived.Table, Row: row, If: table.Equals("format", table.N(1))}))
}

// damages returns what can be done to the rows of generation 2, by what the audit says about it.
func (l *life) damages() map[string]func() {
	a := event.Account{Tenant: "main", ID: "A-1"}
	key := derived.HolderKey(2, a, "holder-A-1")
	var newest *event.Entry
	for _, e := range l.entries {
		if e.Account() == a {
			newest = e
		}
	}
	return map[string]func(){
		"1 rows of the index of events are missing":                      func() { l.damage(derived.OfEntry(2, newest)[0].Key, nil) },
		"its row under holder holder-A-1 is missing":                     func() { l.damage(key, nil) },
		"its row under holder holder-A-1 is at v1":                       func() { l.damage(key, func(a table.Map) { a["version"] = table.N(1) }) },
		"its row under holder holder-A-1 differs from its own in posted": func() { l.damage(key, func(a table.Map) { a["posted"] = a["posted"].(table.N) + 1 }) },
		"a row under holder holder-A-0, whose account it is not":         func() { l.foreign(key, derived.HolderKey(2, a, "holder-A-0")) },
		"a row under holder holder-A-1, whose account it is not":         func() { l.foreign(key, derived.HolderKey(2, event.Account{Tenant: "main", ID: "A-9"}, "holder-A-1")) },
	}
}

// foreign copies a row to another key.
func (l *life) foreign(from, to table.Key) {
	l.t.Helper()
	row, err := l.table.Get(l.t.Context(), derived.Table, from, true)
	l.must(err)
	row.Key = to
	l.must(l.table.Put(l.t.Context(), table.Put{Table: derived.Table, Row: row, If: table.Absent()}))
}

// auditIn audits the bank's balances, whose entries an archive would still expect.
func auditIn(t *testing.T, b Bank, repair *audit.Repair) (*audit.Report, error) {
	t.Helper()
	disk, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return audit.Run(t.Context(), audit.Config{
		Table: b.Table, Accounts: b.Journal, Bucket: disk, Models: []string{balance.Table}, Grace: 100 * 365 * 24 * time.Hour, Derived: b.derived(""), Repair: repair,
	})
}

// All that is wrong with further rows is named by the audit, and before a promotion, and what an
// account lacks is repaired.
func TestDamagedDerivedRowsAreFoundAndRepaired(t *testing.T) {
	for says := range (&life{}).damages() {
		t.Run(says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := begin(t, false)
				l.live(unending)
				_, b := l.process(unending)
				if report, err := auditIn(t, b, nil); err != nil || !report.Index.Index || report.Index.Strays != 0 {
					t.Fatalf("of a sound bank: %+v, %v", report, err)
				}
				l.damages()[says]()
				report, err := auditIn(t, b, nil)
				if !errors.Is(err, audit.ErrDifference) || report.Count != 1 || !strings.Contains(report.Findings[0].What, says) || report.Findings[0].Advice == "" {
					t.Fatalf("%+v, %v", report.Findings, err)
				}
				if strings.HasPrefix(says, "a row under") {
					return // only a person can tell where it comes from
				}
				report, err = auditIn(t, b, &audit.Repair{Refold: b.refold})
				if !errors.Is(err, audit.ErrDifference) || !report.Findings[0].Repaired {
					t.Errorf("%+v, %v", report.Findings, err)
				}
				l.check(unending, 2, 3)
			})
		})
	}
}

// A candidate whose further rows are not those of the journal is not promoted.
func TestPromoteComparesDerivedRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, true)
		l.live(unending)
		_, b := l.process(unending)
		key := derived.HolderKey(3, event.Account{Tenant: "main", ID: "A-1"}, "holder-A-1")
		l.damage(key, func(a table.Map) { a["held"] = a["held"].(table.N) + 1 })
		done, err := b.promote(t.Context(), PromoteParams{Model: balance.Table}, progress.New())
		if !errors.Is(err, replay.ErrDifference) || done.Promoted || done.Faults.Count != 1 || !strings.Contains(done.Faults.List[0].What, "in held") {
			t.Fatalf("%+v, %v", done, err)
		}
		l.damage(key, func(a table.Map) { a["held"] = a["held"].(table.N) - 1 })
		tracker, accounts := progress.New(), map[event.Account]bool{}
		if done, err := b.promote(t.Context(), PromoteParams{Model: balance.Table}, tracker); err != nil || !done.Promoted {
			t.Errorf("%+v, %v", done, err)
		}
		for _, e := range l.entries {
			accounts[e.Account()] = true
		}
		if s := tracker.Snapshot(); s.Unit != "accounts" || !strings.Contains(s.Phase, "index of events with the journal") || s.Done != int64(len(accounts)) {
			t.Errorf("the comparison of %d accounts is no phase of the job: %+v", len(accounts), s)
		}
	})
}

// A row of the index without an entry, as a forged record leaves, is counted and nothing more.
func TestStraysOfTheIndexAreNoDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, true)
		l.live(unending)
		_, b := l.process(unending)
		forged := *l.entries[0]
		forged.Hash, forged.RecordedAt = event.Hash{7}, archivetest.Start.Add(time.Minute)
		for _, row := range derived.OfEntry(2, &forged) {
			l.must(l.table.Put(t.Context(), table.Put{Table: derived.Table, Row: row, If: table.Absent()}))
		}
		if report, err := auditIn(t, b, nil); err != nil || report.Index.Strays != 3 {
			t.Errorf("%+v, %v", report.Index, err)
		}
	})
}

// Rows that expire while an audit runs are not missing.
func TestRowsThatExpireDuringAnAuditAreNotMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, true)
		l.live(unending)
		e := l.entries[len(l.entries)-1]
		expiry := e.RecordedAt.Add(derived.Retention)
		for _, other := range l.entries {
			for _, row := range derived.OfEntry(2, other) {
				l.damage(row.Key, nil)
			}
		}
		looks := 0
		c := verify.Config{Table: l.table, Model: balance.Table, Journal: journal.NewReader(l.table), Now: func() time.Time {
			if looks++; looks == 1 {
				return expiry.Add(-2 * time.Hour)
			}
			return expiry.Add(time.Minute)
		}}
		if _, err := verify.Run(t.Context(), c, 2, func(d readmodel.Difference) { t.Errorf("%+v", d) }); err != nil {
			t.Fatal(err)
		}
	})
}
