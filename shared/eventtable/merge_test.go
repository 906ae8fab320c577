package eventtable_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/iceberg"
)

// fill makes a table of many small files: a run for each few entries. Entries are of one day.
func (f *fixture) fill(entries []*event.Entry, each int) {
	f.t.Helper()
	for i := 0; i < len(entries); i += each {
		part := entries[i:min(i+each, len(entries))]
		f.seal(shard(0, 0), 0, part...)
		f.add(count(part))
	}
}

// merge merges the table's files at a time.
func (f *fixture) merge(to bucket.Bucket, now time.Time) (eventtable.Merged, error) {
	table, err := iceberg.Open(f.t.Context(), to, f.root, 3)
	if err != nil {
		return eventtable.Merged{}, err
	}
	return eventtable.Merge(f.t.Context(), eventtable.MergeConfig{Table: table, Now: now, Bytes: 1 << 30})
}

// files returns the keys of the table's files.
func (f *fixture) files() []string {
	f.t.Helper()
	table, err := iceberg.Open(f.t.Context(), f.tables, f.root, 3)
	if err != nil {
		f.t.Fatal(err)
	}
	keys, err := table.Files(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return keys
}

func days(keys []string) int {
	of := map[string]bool{}
	for _, key := range keys {
		of[strings.Split(key, "/")[1]] = true
	}
	return len(of)
}

func TestFilesOfADayThatIsOverBecomeOneOfEachBucket(t *testing.T) {
	f, entries := newFixture(t), bank(21, 20, 240)
	f.fill(entries[:200], 10)
	before := f.files()
	m, err := f.merge(f.tables, archivetest.Start.AddDate(1, 0, 0))
	after := f.files()
	if err != nil || len(after) > 3*days(before) || m.Files-m.Into != len(before)-len(after) || len(before) < 40 {
		t.Errorf("%d files became %d: %+v, %v", len(before), len(after), m, err)
	}
	f.check(entries[:200])
	for _, key := range before { // readers of older snapshots have them
		if _, err := os.Stat(filepath.Join(strings.TrimPrefix(f.root, "file://"), "events", key)); err != nil {
			t.Error(err)
		}
	}
	if m, err = f.merge(f.tables, archivetest.Start.AddDate(1, 0, 0)); err != nil || m.Files != 0 {
		t.Errorf("merged again: %+v, %v", m, err)
	}
	if r := f.add(0); r.Segments != 0 { // the merged table says how far the archive was read
		t.Errorf("%+v", r)
	}
	f.seal(shard(0, 0), 1, entries[190:]...)
	f.add(count(entries[200:]))
	f.check(entries)
}

func TestFilesOfTodayAreMergedWhenTheyAreMany(t *testing.T) {
	f, entries := newFixture(t), bank(22, 12, 300)
	f.fill(entries[:100], 20)
	today := archivetest.Start
	if m, err := f.merge(f.tables, today); err != nil || m.Files != 0 {
		t.Errorf("few: %+v, %v", m, err)
	}
	f.fill(entries[100:], 5)
	m, err := f.merge(f.tables, today)
	if err != nil || m.Files < 32 {
		t.Errorf("many: %+v, %v", m, err)
	}
	f.check(entries)
}

func TestACrashInAMergeLosesNothingAndDoublesNothing(t *testing.T) {
	entries := bank(23, 6, 60)
	later := archivetest.Start.AddDate(1, 0, 0)
	steps := 0
	for _, after := range []bool{false, true} {
		for crash := 1; ; crash++ {
			f := newFixture(t)
			f.fill(entries, 20)
			_, err := f.merge(failAt(f.tables, crash, after), later)
			if err == nil {
				break
			}
			if !errors.Is(err, errCrash) {
				t.Fatalf("crash %d: %v", crash, err)
			}
			f.check(entries)
			if _, err = f.merge(f.tables, later); err != nil {
				t.Fatalf("after crash %d: %v", crash, err)
			}
			f.check(entries)
			steps++
		}
	}
	if steps < 16 {
		t.Errorf("%d crashes", steps)
	}
}

func TestAMergeBesideARunFailsAndChangesNothing(t *testing.T) {
	f, entries := newFixture(t), bank(24, 6, 80)
	f.fill(entries[:60], 20)
	slow, err := iceberg.Open(t.Context(), f.tables, f.root, 3)
	if err != nil {
		t.Fatal(err)
	}
	f.fill(entries[60:], 20)
	_, err = eventtable.Merge(t.Context(), eventtable.MergeConfig{Table: slow, Now: archivetest.Start.AddDate(1, 0, 0), Bytes: 1 << 30})
	if !errors.Is(err, eventtable.ErrConflict) {
		t.Errorf("%v", err)
	}
	f.check(entries)
}
