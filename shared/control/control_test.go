package control

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func memory(t *testing.T) table.Table {
	t.Helper()
	return storetest.Memory(t, pebblestream.Options{}, Schema).Table
}

func TestWritesAreConditionalOnTheVersion(t *testing.T) {
	rows := Generations(memory(t))
	steps := []struct {
		rev, was int64
		want     error
	}{
		{1, 0, nil}, {1, 0, table.ErrConditionFailed}, {2, 1, nil}, {3, 1, table.ErrConditionFailed}, {3, 2, nil},
	}
	for _, s := range steps {
		err := rows.Put(t.Context(), "balance", table.Map{"rev": table.N(s.rev)}, Revision(s.was))
		if !errors.Is(err, s.want) {
			t.Errorf("write %d over %d: %v, want %v", s.rev, s.was, err, s.want)
		}
	}
	row, err := rows.Get(t.Context(), "balance")
	if err != nil || rows.Version(row) != table.N(3) {
		t.Fatalf("read %v, %v", row, err)
	}
	if err := rows.Delete(t.Context(), "balance", table.N(2)); !errors.Is(err, table.ErrConditionFailed) {
		t.Errorf("delete at another version: %v", err)
	}
	if err := rows.Delete(t.Context(), "balance", rows.Version(row)); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := rows.Get(t.Context(), "balance"); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("read a deleted row: %v", err)
	}
}

// A counter may be 0 in a row that is there, as a writer's is at first.
func TestVersionOfZeroIsARow(t *testing.T) {
	rows := Writers(memory(t))
	if err := rows.Put(t.Context(), "w", table.Map{"epoch": table.N(0)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := rows.Put(t.Context(), "w", table.Map{"epoch": table.N(1)}, table.N(0)); err != nil {
		t.Fatal(err)
	}
}

// The row that somebody wrote while the rows were listed stays, and so do the rows of others.
func TestClearKeepsWhatOthersWrote(t *testing.T) {
	tbl := memory(t)
	mine, other := Leases(tbl, "events", "balance@1"), Leases(tbl, "events", "balance@2")
	for _, rows := range []Rows{mine, other} {
		for _, shard := range []string{"a", "b", "c"} {
			if err := rows.Put(t.Context(), shard, table.Map{"epoch": table.N(1)}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	writes := &writeOnDelete{Table: tbl, rows: mine, key: "b"}
	if err := Leases(writes, "events", "balance@1").Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	for rows, want := range map[*Rows][]string{&mine: {"b"}, &other: {"a", "b", "c"}} {
		var left []string
		for row, err := range rows.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, row.SK)
		}
		if !slices.Equal(left, want) {
			t.Errorf("%s: %v are left, want %v", rows.Partition(), left, want)
		}
	}
}

func TestWatchCountsFromTheLastMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watch
		observe := func(counters map[string]int64) { w.Observe(counters, time.Now()) }
		silent := func() map[string]time.Duration {
			all := map[string]time.Duration{}
			for name := range w.seen {
				all[name] = w.Silent(name, time.Now())
			}
			return all
		}
		expect := func(want map[string]time.Duration) {
			t.Helper()
			if got := silent(); !maps.Equal(got, want) {
				t.Errorf("silent for %v, want %v", got, want)
			}
		}
		observe(map[string]int64{"a": 0, "b": 7})
		time.Sleep(time.Second)
		observe(map[string]int64{"a": 1, "b": 7, "c": 0})
		expect(map[string]time.Duration{"a": 0, "b": time.Second, "c": 0})
		time.Sleep(time.Second)
		observe(map[string]int64{"b": 7, "c": 0})
		expect(map[string]time.Duration{"b": 2 * time.Second, "c": time.Second})
		w.Forget("b")
		observe(map[string]int64{"a": 1, "b": 7})
		expect(map[string]time.Duration{"a": 0, "b": 0})
		w.Reset()
		expect(map[string]time.Duration{})
		if w.Silent("a", time.Now()) < 24*time.Hour {
			t.Error("a counter that was never observed has moved")
		}
	})
}

// writeOnDelete writes a row once, before the first deletion.
type writeOnDelete struct {
	table.Table
	rows  Rows
	key   string
	wrote bool
}

func (w *writeOnDelete) Delete(ctx context.Context, name string, key table.Key, cond table.Condition) error {
	if !w.wrote {
		w.wrote = true
		if err := w.rows.Put(ctx, w.key, table.Map{"epoch": table.N(2)}, table.N(1)); err != nil {
			return err
		}
	}
	return w.Table.Delete(ctx, name, key, cond)
}
