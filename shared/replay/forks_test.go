package replay_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/replay"
)

// grown returns an account with so many entries; the seed determines its content.
func grown(seed uint64, entries int) []*event.Entry {
	a := archivetest.New(rand.New(rand.NewPCG(seed, 9)), "main", "A-1")
	a.Grow(entries)
	return a.Entries
}

func TestRestoreJournal_OfTwoIncarnationsTheOlderHistoryComesBack(t *testing.T) {
	first := archivetest.Start.Truncate(time.Second)
	second, third := first.Add(time.Hour), first.Add(2*time.Hour)
	right := grown(1, 12)
	for name, c := range map[string]struct{ later []*event.Entry }{
		"a shorter one": {grown(2, 2)},
		"a longer one":  {grown(2, 30)},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.archiveIn(t, first, "s-0", archivetest.Records(right[:8]), 5)
			e.archiveIn(t, second, "s-0", archivetest.Records(c.later), 100)
			// After its restore the bank continued in a third incarnation, into which the end of
			// the first was published again.
			e.archiveIn(t, third, "s-0", archivetest.Records(right[6:]), 100)
			done, err := replay.RestoreJournal(t.Context(), e.restoring())
			if !errors.Is(err, replay.ErrDifference) || done.Faults.Count != int64(len(c.later)) || done.Entries != int64(len(right)) {
				t.Fatalf("%+v, %v", done, err)
			}
			for i, f := range done.Faults.List {
				if f.Version != c.later[i].First || !strings.Contains(f.What, archived(t, e, "s-0")[2]) {
					t.Errorf("%s", f)
				}
			}
			a := event.Account{Tenant: "main", ID: "A-1"}
			if head, err := e.reader.Head(t.Context(), a); err != nil || head.State.Version != right[len(right)-1].Last {
				t.Fatalf("%+v, %v", head, err)
			}
			states, _, err := ask(replay.StatesConfig{Bucket: e.bucket, Time: first.AddDate(1, 0, 0)}, t)
			if !errors.Is(err, replay.ErrDifference) || states[a].Version != right[len(right)-1].Last {
				t.Fatalf("%+v, %v", states, err)
			}
		})
	}
}

func TestRestoreJournal_TwoHistoriesOfOneIncarnationAreAFault(t *testing.T) {
	e := newEnv(t)
	first := archivetest.Start.Truncate(time.Second)
	right, twin := grown(1, 12), grown(2, 3)
	e.archiveIn(t, first, "s-0", archivetest.Records(right), 5)
	e.archiveIn(t, first, "s-1", archivetest.Records(twin), 5)
	e.archiveIn(t, first.Add(time.Hour), "s-0", archivetest.Records(twin), 5) // published again: it is older than that
	done, err := replay.RestoreJournal(t.Context(), e.restoring())
	if !errors.Is(err, replay.ErrDifference) || done.Entries != 0 || done.Faults.Count != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
}

func TestRestoreJournal_IntoAJournalOfTheLaterIncarnationNamesTheRemedy(t *testing.T) {
	e := newEnv(t)
	first := archivetest.Start.Truncate(time.Second)
	later := grown(2, 2)
	e.archiveIn(t, first, "s-0", archivetest.Records(grown(1, 8)), 5)
	e.archiveIn(t, first.Add(time.Hour), "s-0", archivetest.Records(later), 5)
	e.commit(t, later)
	done, err := replay.RestoreJournal(t.Context(), e.restoring())
	if !errors.Is(err, replay.ErrDifference) || !strings.Contains(done.Faults.List[0].What+done.Faults.List[1].What, "restore into an empty journal") {
		t.Fatalf("%+v, %v", done, err)
	}
}
