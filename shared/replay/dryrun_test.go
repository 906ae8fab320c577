package replay_test

import (
	"reflect"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/control"
	"passbook/shared/journal"
	"passbook/shared/replay"
)

func TestRestoreJournal_ADryRunReportsWhatTheJournalLacks(t *testing.T) {
	entries := archivetest.Bank(11, 6, 200)
	e := newEnv(t)
	e.archive(t, "s-0", archivetest.Records(entries), 40)
	half := entries[:100]
	e.commit(t, half)
	// the rows are where the journal was: ahead of what is left of it, not of what comes back
	e.project(t, 1, entries)
	want := map[string]replay.MissingOfAccount{}
	for _, entry := range entries[100:] {
		l := want[entry.AccountID]
		l.Tenant = entry.Tenant
		if l.Entries++; l.Account == "" {
			l.Account, l.From = entry.AccountID, entry.First
		}
		l.To = entry.Last
		want[entry.AccountID] = l
	}
	tables := func() (all []any) {
		for _, name := range []string{journal.Table, control.Name, testModel.Name} {
			all = append(all, dump(t, e.table, name))
		}
		return all
	}
	before := tables()
	c := e.restoring()
	c.DryRun, c.Limits.Memory = true, 60<<10
	would, err := replay.RestoreJournal(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, tables()) {
		t.Fatal("the dry run wrote")
	}
	got := map[string]replay.MissingOfAccount{}
	for _, l := range would.Missing.List {
		got[l.Account] = l
	}
	if !reflect.DeepEqual(got, want) || would.Missing.Entries != 100 || would.Missing.Accounts != int64(len(want)) {
		t.Fatalf("%+v, want %+v", would.Missing, want)
	}
	done, err := replay.RestoreJournal(t.Context(), e.restoring())
	if err != nil || done.Entries != would.Entries || done.Accounts != would.Accounts {
		t.Fatalf("%+v, %v; the dry run said %+v", done, err, would)
	}
	again, err := replay.RestoreJournal(t.Context(), c)
	if err != nil || again.Missing.Entries != 0 {
		t.Fatalf("%+v, %v", again.Missing, err)
	}
}

func TestRestoreJournal_ADryRunChecksTheRows(t *testing.T) {
	entries := archivetest.Bank(12, 4, 80)
	other := archivetest.Bank(13, 4, 80) // the same accounts with another history
	for name, project := range map[string]func(*env){
		"another history":        func(e *env) { e.project(t, 1, other[:60]) },
		"unknown to the archive": func(e *env) { e.project(t, 1, archivetest.Bank(14, 7, 80)) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.archive(t, "s-0", archivetest.Records(entries), 40)
			project(e)
			c := e.restoring()
			c.DryRun = true
			would, dryErr := replay.RestoreJournal(t.Context(), c)
			done, err := replay.RestoreJournal(t.Context(), e.restoring())
			if !reflect.DeepEqual(would.Faults, done.Faults) || done.Faults.Count == 0 || dryErr == nil || dryErr.Error() != err.Error() {
				t.Fatalf("the dry run says %+v, %v; the real one %+v, %v", would.Faults, dryErr, done.Faults, err)
			}
		})
	}
}
