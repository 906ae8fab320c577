package replay_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/journal/restorer"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/table"
)

func TestRebuild_EqualsTheLiveGenerationAndIsPromoted(t *testing.T) {
	for _, from := range []string{"archive", "journal"} {
		t.Run(from, func(t *testing.T) {
			e := newEnv(t)
			entries := archivetest.Bank(1, 40, 1200)
			e.commit(t, entries)
			e.project(t, 1, entries)
			e.archiveShuffled(t, entries[:1000], 7)
			c := e.rebuilding()
			if from == "journal" {
				c.Bucket = nil
			}
			done, err := replay.Rebuild(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if done.Generation != 2 || done.Accounts != 40 || done.Blocked != 0 {
				t.Fatalf("%+v", done)
			}
			found, err := replay.Promote(t.Context(), e.comparing(), false)
			if err != nil || found.Equal != 40 || found.Ahead != 0 || found.Faults.Count != 0 {
				t.Fatalf("%+v, %v", found, err)
			}
			live, candidate, err := readmodel.Generations(t.Context(), e.table, testModel.Name)
			if err != nil || live != 2 || candidate != 0 {
				t.Fatalf("live %d, candidate %d, %v", live, candidate, err)
			}
		})
	}
}

// counting is a projection that counts how often an account is folded.
type counting struct {
	replay.Projection
	folds *atomic.Int64
}

func (c counting) ProjectEntries(ctx context.Context, a event.Account, entries []*event.Entry) error {
	c.folds.Add(1)
	return c.Projection.ProjectEntries(ctx, a, entries)
}

// An account is folded once, in however many segments it comes.
func TestRebuild_FoldsAccountsAcrossSegments(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(21, 20, 900)
	e.commit(t, entries)
	e.project(t, 1, entries)
	e.archive(t, "s-0", archivetest.Records(entries), 30)
	var folds atomic.Int64
	c := e.rebuilding()
	c.Projection = func(_ context.Context, generation int64) (replay.Projection, error) {
		return counting{e.projection(generation), &folds}, nil
	}
	if done, err := replay.Rebuild(t.Context(), c); err != nil || folds.Load() != 20 {
		t.Fatalf("%d folds of 20 accounts, %+v, %v", folds.Load(), done, err)
	}
	done, err := replay.Rebuild(t.Context(), c)
	if err != nil || done.Events != 0 || folds.Load() != 20 {
		t.Fatalf("again: %d folds, %+v, %v", folds.Load(), done, err)
	}
	if found, err := replay.Promote(t.Context(), e.comparing(), false); err != nil || found.Equal != 20 {
		t.Fatalf("%+v, %v", found, err)
	}
}

func TestCompare_FindsEachDifference(t *testing.T) {
	entries := archivetest.Bank(2, 10, 200)
	key := func(e *env, generation int64, id string) table.Row {
		row, err := e.table.Get(t.Context(), testModel.Name, table.Key{PK: "g" + string(rune('0'+generation)) + "#main#" + id, SK: "-"}, true)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	for name, spoil := range map[string]func(*env, table.Row) table.Row{
		"value":   func(_ *env, row table.Row) table.Row { row.Attrs["posted"] = table.N(1); return row },
		"missing": func(_ *env, row table.Row) table.Row { delete(row.Attrs, "state"); return row },
		"behind": func(_ *env, row table.Row) table.Row {
			row.Attrs["version"] = row.Attrs["version"].(table.N) - 1
			return row
		},
		"blocked": func(_ *env, row table.Row) table.Row { row.Attrs["blocked_at_version"] = table.N(3); return row },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.commit(t, entries)
			e.project(t, 1, entries)
			c := e.rebuilding()
			c.Bucket = nil
			if _, err := replay.Rebuild(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			row := key(e, 2, "A-3")
			rev := row.Attrs["rev"]
			if err := e.table.Put(t.Context(), table.Put{Table: testModel.Name, Row: spoil(e, row), If: table.Equals("rev", rev)}); err != nil {
				t.Fatal(err)
			}
			found, err := replay.Promote(t.Context(), e.comparing(), false)
			if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 1 || found.Faults.List[0].Account.ID != "A-3" {
				t.Fatalf("%+v, %v", found, err)
			}
			if live, _, _ := readmodel.Generations(t.Context(), e.table, testModel.Name); live != 1 {
				t.Fatal("it was promoted")
			}
			if _, err := replay.Promote(t.Context(), e.comparing(), true); err != nil {
				t.Fatal(err)
			}
			if live, _, _ := readmodel.Generations(t.Context(), e.table, testModel.Name); live != 2 {
				t.Fatal("it was not promoted with force")
			}
		})
	}
}

// lagging is a table in which a row of the candidate is a version behind for its first reads, as
// while its worker follows.
type lagging struct {
	table.Table
	key  table.Key
	left atomic.Int64
}

func (l *lagging) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	row, err := l.Table.Get(ctx, name, key, consistent)
	if err == nil && key == l.key && l.left.Add(-1) >= 0 {
		row.Attrs["version"] = row.Attrs["version"].(table.N) - 1
	}
	return row, err
}

func TestCompare_WaitsForRowsThatMove(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(2, 10, 200)
	e.commit(t, entries)
	e.project(t, 1, entries)
	if _, err := replay.Rebuild(t.Context(), e.rebuilding()); err != nil {
		t.Fatal(err)
	}
	behind := &lagging{Table: e.table, key: readmodel.RowKey(2, event.Account{Tenant: "main", ID: "A-3"})}
	behind.left.Store(3)
	c := e.comparing()
	c.Table = behind
	found, err := replay.Compare(t.Context(), c)
	if err != nil || found.Equal != 10 || behind.left.Load() >= 0 {
		t.Fatalf("%+v, %v", found, err)
	}
}

func TestRebuild_CountsAccountsInQuarantine(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(13, 10, 300)
	e.project(t, 1, entries)
	place := nth(entries, "A-2", 5)
	// Neither the journal nor the archive has the entry.
	e.archive(t, "s-0", archivetest.Records(without(entries, place)), 100)
	restorer := restorer.New(e.table)
	for i, entry := range entries {
		s := account.State{Version: entry.Last, Status: account.StatusOpen, Currency: "EUR"}
		if i == place {
			continue
		}
		if err := restorer.Restore(t.Context(), entry, s); err != nil {
			t.Fatal(err)
		}
	}
	done, err := replay.Rebuild(t.Context(), e.rebuilding())
	if err != nil || done.Blocked != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	found, err := replay.Promote(t.Context(), e.comparing(), false)
	if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 1 || found.Faults.List[0].Version != entries[place].First {
		t.Fatalf("%+v, %v", found, err)
	}
}
