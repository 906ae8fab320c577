package journal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// smallPages answers queries with three rows at most, so that anything longer takes several pages.
type smallPages struct{ table.Table }

func (p smallPages) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Limit == 0 || q.Limit > 3 {
		q.Limit = 3
	}
	return p.Table.Query(ctx, q)
}

// TestReaderFindsEveryVersion compares each way into a history with the history itself: entries of
// one event and of many, some recorded at the same time.
func TestReaderFindsEveryVersion(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, smallPages{tbl}, c)
	openAccount(t, j, acct, 100)
	for round := range 6 {
		var rest []Command
		for i := range 1 + 2*round {
			rest = append(rest, command(acct, fmt.Sprint(round, "-", i), crediting(1)))
		}
		together(t, tbl, j, command(acct, fmt.Sprint("first", round), crediting(1)), rest...)
		if round%2 == 1 {
			c.add(time.Second)
		}
	}
	var all []*event.Entry
	for e, err := range j.Entries(t.Context(), acct, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	last := all[len(all)-1].Last
	holds := func(e *event.Entry, version int64) bool { return e.First <= version && version <= e.Last }
	for version := int64(1); version <= last; version++ {
		e, err := j.Entry(t.Context(), acct, version)
		if err != nil || !holds(e, version) {
			t.Fatalf("entry of v%d: %+v, %v", version, e, err)
		}
		if ev, _, err := j.Event(t.Context(), acct, version); err != nil || ev.Version != version {
			t.Fatalf("event v%d: v%d, %v", version, ev.Version, err)
		}
		if s, err := j.StateAt(t.Context(), acct, version); err != nil || s.Version != version {
			t.Fatalf("state at v%d: v%d, %v", version, s.Version, err)
		}
		for _, to := range []int64{version, min(version+3, last), 0} {
			got := 0
			for e, err := range j.Entries(t.Context(), acct, version, to) {
				if err != nil || got == 0 && !holds(e, version) {
					t.Fatalf("entries of v%d to v%d begin with %+v, %v", version, to, e, err)
				}
				got++
			}
			want := 0
			for _, e := range all {
				if e.Last >= version && (to == 0 || e.First <= to) {
					want++
				}
			}
			if got != want {
				t.Fatalf("entries of v%d to v%d: %d, want %d", version, to, got, want)
			}
		}
	}
	for _, e := range all {
		for _, at := range []time.Time{e.RecordedAt.Add(-time.Microsecond), e.RecordedAt, e.RecordedAt.Add(time.Microsecond)} {
			want := int64(0)
			for _, other := range all {
				if !other.RecordedAt.After(at) {
					want = other.Last
				}
			}
			if got, err := j.VersionAt(t.Context(), acct, at); err != nil || got != want {
				t.Fatalf("version at %v: %d, want %d, %v", at, got, want, err)
			}
		}
	}
}

func TestReaderBeyondTheHistory(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	for a, version := range map[event.Account]int64{acct: 3, b2: 1} {
		if e, err := j.Entry(t.Context(), a, version); !errors.Is(err, ErrNoEvent) {
			t.Errorf("entry of %s v%d: %+v, %v", a.ID, version, e, err)
		}
		if e, _, err := j.Event(t.Context(), a, version); !errors.Is(err, ErrNoEvent) {
			t.Errorf("event %s v%d: %+v, %v", a.ID, version, e, err)
		}
		if s, err := j.StateAt(t.Context(), a, version); !errors.Is(err, ErrNoEvent) {
			t.Errorf("state of %s at v%d: %+v, %v", a.ID, version, s, err)
		}
		if done, err := j.Reversed(t.Context(), a, version); done || err != nil {
			t.Errorf("%s v%d reversed: %v, %v", a.ID, version, done, err)
		}
	}
	if version, err := j.VersionAt(t.Context(), b2, time.Now()); version != 0 || err != nil {
		t.Errorf("version of nobody: %d, %v", version, err)
	}
	if head, err := j.Head(t.Context(), b2); head.State.Version != 0 || err != nil {
		t.Errorf("head of nobody: %+v, %v", head, err)
	}
}

func TestOriginalIsFoundByTheIDOfItsAnswer(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100) // v1 and v2
	original, _, err := j.Event(t.Context(), acct, 2)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, j, reversalOf("reverse", original))
	for _, tt := range []struct {
		id       string
		version  int64
		reversed bool
	}{
		{"t1", 1, false}, {"t2", 2, true}, {"t3", 3, false}, {"t4", 0, false}, {"h2", 0, false}, {"t", 0, false}, {"t02", 0, false}, {"", 0, false},
	} {
		original, reversed, err := j.Original(t.Context(), Command{Account: acct}, tt.id)
		if err != nil {
			t.Errorf("%q: %v", tt.id, err)
		}
		var version int64
		if original != nil {
			version = original.Version
		}
		if version != tt.version || reversed != tt.reversed {
			t.Errorf("%q: version %d, reversed %v", tt.id, version, reversed)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := j.Original(ctx, Command{Account: acct}, "t2"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a read that failed: %v", err)
	}
}
