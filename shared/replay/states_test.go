package replay_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/replay"
	"passbook/shared/replay/spill"
)

// ask collects what StatesAt yields.
func ask(c replay.StatesConfig, t *testing.T) (map[event.Account]account.State, replay.Faults, error) {
	states := map[event.Account]account.State{}
	faults, err := replay.StatesAt(t.Context(), c, func(a event.Account, s account.State) error {
		states[a] = s
		return nil
	})
	return states, faults, err
}

// StatesAt must agree with the journal, from an archive that has everything out of order, on
// several shards and partly twice.
func TestStatesAt_AgreesWithTheJournal(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(4, 12, 400)
	e.commit(t, entries)
	e.archiveShuffled(t, entries, 9)
	last := entries[len(entries)-1].RecordedAt
	rapid.Check(t, func(rt *rapid.T) {
		c := replay.StatesConfig{Bucket: e.bucket, Limits: spill.Limits{Memory: rapid.SampledFrom([]int64{5 << 10, 100 << 10, 0}).Draw(rt, "memory")}}
		if rapid.Bool().Draw(rt, "by time") {
			span := int64(last.Sub(archivetest.Start)/time.Microsecond) + 2_000_000
			c.Time = archivetest.Start.Add(time.Duration(rapid.Int64Range(-1_000_000, span).Draw(rt, "µs")) * time.Microsecond)
			if rapid.Bool().Draw(rt, "exact") {
				c.Time = entries[rapid.IntRange(0, len(entries)-1).Draw(rt, "entry")].RecordedAt
			}
		} else {
			c.Version = rapid.Int64Range(1, 90).Draw(rt, "version")
		}
		if rapid.Bool().Draw(rt, "one") {
			c.Account = event.Account{Tenant: "main", ID: "A-3"}
		}
		got, _, err := ask(c, t)
		if err != nil {
			rt.Fatal(err)
		}
		want := map[event.Account]account.State{}
		for _, a := range accountsOf(entries) {
			version := c.Version
			if version == 0 {
				if version, err = e.reader.VersionAt(t.Context(), a, c.Time); err != nil {
					rt.Fatal(err)
				}
			}
			if _, entry, err := e.reader.Event(t.Context(), a, version); err == nil {
				version = entry.Settled(version)
			}
			s, err := e.reader.StateAt(t.Context(), a, version)
			if errors.Is(err, journal.ErrNoEvent) || (c.Account != event.Account{} && c.Account != a) {
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			want[a] = s
		}
		if len(got) != len(want) {
			rt.Fatalf("%d accounts, want %d", len(got), len(want))
		}
		for a, s := range want {
			if string(account.AppendState(nil, got[a])) != string(account.AppendState(nil, s)) {
				rt.Fatalf("%s: got %+v, want %+v", a, got[a], s)
			}
		}
	})
}

func accountsOf(entries []*event.Entry) []event.Account {
	var accounts []event.Account
	for _, entry := range entries {
		if entry.First == 1 {
			accounts = append(accounts, entry.Account())
		}
	}
	return accounts
}

func TestStatesAt_NamesGapsThatMatter(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(5, 5, 200)
	missing := nth(entries, "A-2", 10)
	e.archive(t, "shardId-000000000000", archivetest.Records(without(entries, missing)), 50)
	gap, before := entries[missing], entries[nth(entries, "A-2", 9)]
	for name, c := range map[string]struct {
		ask   replay.StatesConfig
		fault bool
	}{
		"version before":     {replay.StatesConfig{Version: gap.First - 1}, false},
		"version in the gap": {replay.StatesConfig{Version: gap.First}, true},
		"version after":      {replay.StatesConfig{Version: gap.Last + 1}, true},
		"time before":        {replay.StatesConfig{Time: before.RecordedAt.Add(-time.Microsecond)}, false},
		"time in the gap":    {replay.StatesConfig{Time: gap.RecordedAt.Add(-time.Microsecond)}, true},
		"time of all":        {replay.StatesConfig{Time: entries[len(entries)-1].RecordedAt}, true},
	} {
		c.ask.Bucket = e.bucket
		got, faults, err := ask(c.ask, t)
		_, given := got[event.Account{Tenant: "main", ID: "A-2"}]
		if given == c.fault || errors.Is(err, replay.ErrDifference) != c.fault || faults.Count != map[bool]int64{true: 1}[c.fault] {
			t.Errorf("%s: given %v, %+v, %v", name, given, faults, err)
		}
	}
	if _, _, err := ask(replay.StatesConfig{Bucket: e.bucket}, t); err == nil {
		t.Error("neither time nor version was asked for")
	}
}

func TestStatesAt_OfAnEmptyArchiveIsEmpty(t *testing.T) {
	got, faults, err := ask(replay.StatesConfig{Bucket: newEnv(t).bucket, Version: 1}, t)
	if err != nil || len(got) != 0 || !reflect.DeepEqual(faults, replay.Faults{}) {
		t.Fatalf("%v, %v, %v", got, faults, err)
	}
}
