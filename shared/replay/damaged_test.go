package replay_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
)

// A damaged segment costs the accounts of which it may have something, by name, and no other. Every
// state that is returned is right.
func TestJobs_ADamagedSegmentCostsOnlyItsAccounts(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"page":   func(b []byte) []byte { b[len(b)/3] ^= 1; return b },
		"footer": func(b []byte) []byte { b[len(b)-200] ^= 1; return b },
		"cut":    func(b []byte) []byte { return b[:len(b)/2] },
		"empty":  func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			dir := t.TempDir()
			disk, err := dirbucket.New(dir)
			if err != nil {
				t.Fatal(err)
			}
			e.bucket = disk
			entries := archivetest.Bank(8, 12, 240)
			var shards [2][]*event.Entry
			for _, entry := range entries {
				i := int(entry.AccountID[len(entry.AccountID)-1]) % 2
				shards[i] = append(shards[i], entry)
			}
			e.archive(t, "s-0", archivetest.Records(shards[0]), 30)
			e.archive(t, "s-1", archivetest.Records(shards[1]), 30)
			want, _, err := ask(replay.StatesConfig{Bucket: e.bucket, Time: archivetest.Start.AddDate(1, 0, 0)}, t)
			if err != nil || len(want) != 12 {
				t.Fatal(len(want), err)
			}
			victim := archived(t, e, "s-0")[1]
			data, err := os.ReadFile(filepath.Join(dir, victim))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, victim), damage(data), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			held := map[string]bool{}
			for _, entry := range shards[0][30:60] {
				held[entry.AccountID] = true
			}
			got, faults, err := ask(replay.StatesConfig{Bucket: e.bucket, Time: archivetest.Start.AddDate(1, 0, 0)}, t)
			mustCost(t, victim, err)
			mustBeRight(t, want, got, faults, held)
			restored, err := replay.RestoreJournal(t.Context(), e.restoring())
			mustCost(t, victim, err)
			if restored.Accounts < 6 || len(restored.Gaps) != 1 || restored.Gaps[0].Key != victim {
				t.Errorf("restored %+v", restored)
			}
			e.commit(t, shards[0]) // what the journal has, a rebuild takes from it
			rebuilt, err := replay.Rebuild(t.Context(), e.rebuilding())
			mustCost(t, victim, err)
			if rebuilt.Accounts != 12 || rebuilt.Blocked != 0 {
				t.Errorf("rebuilt %+v", rebuilt)
			}
			rows := dump(t, e.table, testModel.Name)
			for a, s := range want {
				row := rows[readmodel.RowKey(rebuilt.Generation, a)]
				if row.Number("version") != s.Version || row.Number("posted") != s.Posted {
					t.Errorf("rebuilt %s: %+v, want %+v", a, row, s)
				}
			}
		})
	}
}

// A damaged entry is one fault of those of its account, also when the account is read again from
// the whole archive to see whether later segments have the entry.
func TestStatesAt_NamesADamagedEntryOnce(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(9, 3, 60)
	bad := *entries[30]
	bad.Events = slices.Clone(bad.Events)
	bad.Events[0].After.Posted++ // the hash stays
	entries[30] = &bad
	e.archive(t, "s-0", archivetest.Records(entries), 20)
	_, faults, err := ask(replay.StatesConfig{Bucket: e.bucket, Time: entries[59].RecordedAt}, t)
	var named int64
	for _, f := range faults.List {
		if f.Account == bad.Account() && strings.Contains(f.What, "is damaged") {
			named++
		}
	}
	if !errors.Is(err, replay.ErrDifference) || named != 1 || faults.Count != 2 {
		t.Errorf("%d faults, the damaged entry in %d of %v, %v", faults.Count, named, faults.List, err)
	}
}

// mustCost checks that a job ended with a difference that names the segment.
func mustCost(t *testing.T, victim string, err error) {
	t.Helper()
	if !errors.Is(err, replay.ErrDifference) || !strings.Contains(err.Error(), victim) {
		t.Errorf("got %v", err)
	}
}

// mustBeRight checks that every account is returned as it was, or named; that those of the damaged
// segment are named; and no more than half of all.
func mustBeRight(t *testing.T, want, got map[event.Account]account.State, faults replay.Faults, held map[string]bool) {
	t.Helper()
	named := map[string]bool{}
	for _, f := range faults.List {
		named[f.Account.ID] = true
	}
	for a, s := range want {
		given, there := got[a]
		if there && !reflect.DeepEqual(given, s) || there == named[a.ID] || held[a.ID] && there {
			t.Errorf("%s: given %v, named %v, held %v: %+v, want %+v", a, there, named[a.ID], held[a.ID], given, s)
		}
	}
	if len(got) < len(want)/2 {
		t.Errorf("only %d of %d given", len(got), len(want))
	}
}

// archived returns the keys of a shard's segments.
func archived(t *testing.T, e *env, shard string) (keys []string) {
	t.Helper()
	for object, err := range archive.List(t.Context(), e.bucket) {
		if err != nil {
			t.Fatal(err)
		}
		if object.Name.Shard == shard {
			keys = append(keys, object.Key)
		}
	}
	return keys
}
