package readmodel

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/readmodel/quarantined"
	"passbook/shared/table"
)

func TestProjectionFoldsEachEntryOnce(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(1, 20, 400)
	b.journal.commit(entries...)
	p := b.projection(testModel, 1)
	b.handle(p, deliveries(t, entries...))
	b.check(1)
	if b.journal.reads != 0 {
		t.Errorf("the journal was read %d times, and nothing was missing", b.journal.reads)
	}
}

// Every record twice, in batches of any size, shuffled within and between the batches: the rows are
// the same.
func TestDuplicatesAndShufflesGiveTheSameRows(t *testing.T) {
	generation := int64(0)
	b := newBank(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		generation++
		b.journal = &memoryJournal{entries: map[event.Account][]*event.Entry{}}
		entries := archivetest.Bank(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(1, 5).Draw(rt, "accounts"), rapid.IntRange(5, 60).Draw(rt, "entries"))
		b.journal.commit(entries...)
		list := deliveries(t, slices.Concat(entries, entries)...)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "order"), 0))
		reach := rapid.IntRange(1, len(list)).Draw(rt, "reach")
		// the order is lost over a short range, as after a retry of the publisher
		for from := 0; from < len(list); from += reach {
			part := list[from:min(from+reach, len(list))]
			random.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		}
		p := b.projection(testModel, generation)
		for len(list) > 0 {
			n := 1 + random.IntN(len(list))
			b.handle(p, list[:n])
			list = list[n:]
		}
		b.check(generation)
	})
}

func TestGapIsFilledFromTheJournal(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(2, 1, 30)
	b.journal.commit(entries...)
	p := b.projection(testModel, 1)
	b.handle(p, deliveries(t, entries[:5]...))
	b.handle(p, deliveries(t, entries[20]))
	if got := b.row(1, entries[0].Account()).Version; got != entries[20].Last {
		t.Errorf("row at v%d, want v%d", got, entries[20].Last)
	}
	b.handle(p, deliveries(t, entries[10:]...))
	b.check(1)
}

func TestLongGapIsFilledInParts(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(3, 1, 2*maxUnsaved+10)
	b.journal.commit(entries...)
	p := b.projection(testModel, 1)
	b.handle(p, deliveries(t, entries[len(entries)-1]))
	b.check(1)
	if rev := b.row(1, entries[0].Account()).rev; rev != 3 {
		t.Errorf("the row was written %d times, want 3", rev)
	}
}

// forge returns a forged entry in the place of e: the same versions, another content and another
// hash.
func forge(t *testing.T, e *event.Entry) *event.Entry {
	t.Helper()
	other := *e
	other.Commands = slices.Clone(e.Commands)
	other.Commands[0].CorrelationID = "forged"
	if _, err := event.Seal(&other, eventtest.Keys); err != nil {
		t.Fatal(err)
	}
	return &other
}

func TestContradictionQuarantinesTheAccountAndNamesTheRightSide(t *testing.T) {
	entries := archivetest.Bank(4, 1, 6)
	forged := forge(t, entries[3])
	for _, c := range []struct {
		name       string
		first      []*event.Entry
		second     *event.Entry
		journal    []*event.Entry
		wantCause  string
		wantAt     int64
		wantStands int64
	}{
		{"a forged repeat of the last entry", entries[:4], forged, entries, "is not in the journal", entries[3].First, entries[3].Last},
		{"a forged next entry", entries[:3], forge(t, entries[3]), entries, "", 0, entries[3].Last},
		{"an entry on a forged one", append(slices.Clone(entries[:3]), forged), entries[4], entries, "is not of the journal's history", entries[4].First, forged.Last},
		{"an entry beyond the journal", entries[:2], entries[5], entries[:4], "the journal ends at", entries[3].Last + 1, entries[1].Last},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBank(t, 1)
			b.journal.commit(c.journal...)
			p := b.projection(testModel, 1)
			b.handle(p, deliveries(t, c.first...))
			b.handle(p, deliveries(t, c.second))
			row := b.row(1, entries[0].Account())
			if row.QuarantinedAt != c.wantAt || !strings.Contains(row.Cause, c.wantCause) || row.Version != c.wantStands {
				t.Errorf("row at v%d, quarantined at %d: %q; want v%d, %d: %q", row.Version, row.QuarantinedAt, row.Cause, c.wantStands, c.wantAt, c.wantCause)
			}
		})
	}
}

func TestEntryThatCannotBeFoldedQuarantinesItsAccountOnlyAndRedriveReleasesIt(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(5, 4, 200)
	b.journal.commit(entries...)
	bad := entries[0].Account()
	history := b.journal.of(bad)
	at := history[len(history)/2].Last
	broken := true
	m := failingModel(func(s account.State, e event.Event) bool {
		return broken && s.HolderRef == "holder-"+bad.ID && e.Version == at
	})
	p := b.projection(m, 1)
	b.handle(p, deliveries(t, entries...))
	for _, a := range b.journal.order[1:] {
		b.checkAccount(1, a)
	}
	row := b.row(1, bad)
	if row.QuarantinedAt != at || row.Version != history[len(history)/2-1].Last || !strings.Contains(row.Cause, errFold.Error()) {
		t.Fatalf("row at v%d, quarantined at v%d (%s); the fold fails at v%d", row.Version, row.QuarantinedAt, row.Cause, at)
	}
	kept, err := quarantined.All(t.Context(), b.table, "balance@1")
	b.must(err)
	if len(kept) != 1 || kept[0].Account != bad || kept[0].Version != at || kept[0].Sequence == "" {
		t.Fatalf("quarantine %+v", kept)
	}
	if e, err := event.DecodeRecord(kept[0].Data); err != nil || e.Hash != history[len(history)/2].Hash {
		t.Errorf("kept record: %v, %v", e, err)
	}

	b.handle(p, deliveries(t, history...)) // later events wait in the journal
	if again := b.row(1, bad); again.Version != row.Version {
		t.Errorf("an account in quarantine was folded to v%d", again.Version)
	}
	if err := p.Redrive(t.Context(), bad); !errors.Is(err, ErrQuarantined) || !strings.Contains(err.Error(), errFold.Error()) {
		t.Errorf("redrive while the fold still fails: %v", err)
	}
	broken = false
	b.must(p.Redrive(t.Context(), bad))
	b.check(1)
	if kept, err = quarantined.All(t.Context(), b.table, "balance@1"); err != nil || len(kept) != 0 {
		t.Errorf("quarantine after redrive: %+v, %v", kept, err)
	}
}

// Another process releases the account. The projection that quarantined it folds what follows.
func TestProjectionLearnsOfARedriveInAnotherProcess(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(5, 1, 20)
	b.journal.commit(entries[:11]...)
	broken := true
	m := failingModel(func(_ account.State, e event.Event) bool { return broken && e.Version == entries[5].First })
	p := b.projection(m, 1)
	b.handle(p, deliveries(t, entries[:10]...))
	b.handle(p, deliveries(t, entries[10]))
	broken = false
	b.must(b.projection(testModel, 1).Redrive(t.Context(), entries[0].Account()))
	b.journal.commit(entries[11:]...)
	b.handle(p, deliveries(t, entries[11:]...))
	b.check(1)
}

func TestFailedFoldIsTriedAgainBeforeItQuarantines(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(5, 1, 20)
	b.journal.commit(entries...)
	failures := 0
	m := failingModel(func(_ account.State, e event.Event) bool {
		if e.Version != entries[5].First || failures > 0 {
			return false
		}
		failures++
		return true
	})
	b.handle(b.projection(m, 1), deliveries(t, entries[5]))
	b.handle(b.projection(m, 1), deliveries(t, entries...))
	b.check(1)
}

func TestFoldThatDiffersFromAfterQuarantines(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(6, 1, 5)
	b.journal.commit(entries...)
	m := testModel
	m.After = func(s account.State) event.After {
		a := testModel.After(s)
		if s.Version == 3 {
			a.Posted++
		}
		return a
	}
	b.handle(b.projection(m, 1), deliveries(t, entries...))
	if row := b.row(1, entries[0].Account()); row.QuarantinedAt != 3 || row.Version != 2 && row.Version >= 3 {
		t.Errorf("row at v%d, quarantined at v%d", row.Version, row.QuarantinedAt)
	}
}

// The order of times is checked for every model, also if its own fold does not.
func TestEntryRecordedBeforeItsPredecessorQuarantines(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(6, 1, 4)
	early := *entries[3]
	early.RecordedAt, early.Events = entries[2].RecordedAt.Add(-time.Microsecond), slices.Clone(early.Events)
	for i := range early.Events {
		early.Events[i].RecordedAt = early.RecordedAt
	}
	_, err := event.Seal(&early, eventtest.Keys)
	b.must(err)
	entries[3] = &early
	b.journal.commit(entries...)
	m := testModel
	m.Fold = func(s account.State, e event.Event) (account.State, error) {
		e.RecordedAt = s.RecordedAt
		return account.Fold(s, e)
	}
	b.handle(b.projection(m, 1), deliveries(t, entries...))
	row := b.row(1, entries[0].Account())
	if row.Version != entries[2].Last || row.QuarantinedAt != early.First || !strings.Contains(row.Cause, "recorded at") {
		t.Errorf("row at v%d, quarantined at v%d: %s", row.Version, row.QuarantinedAt, row.Cause)
	}
}

func TestFoldThatPanicsQuarantines(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(7, 2, 20)
	b.journal.commit(entries...)
	m := failingModel(func(s account.State, e event.Event) bool {
		if s.HolderRef == "holder-A-0" && e.Version == 3 {
			panic("broken")
		}
		return false
	})
	b.handle(b.projection(m, 1), deliveries(t, entries...))
	if row := b.row(1, event.Account{Tenant: "main", ID: "A-0"}); row.QuarantinedAt != 3 || !strings.Contains(row.Cause, "panicked: broken") {
		t.Errorf("quarantined at v%d: %s", row.QuarantinedAt, row.Cause)
	}
	b.checkAccount(1, event.Account{Tenant: "main", ID: "A-1"})
}

func TestRowThatCannotBeWrittenQuarantinesAtItsEntry(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(8, 1, 12)
	b.journal.commit(entries...)
	m := testModel
	m.Encode = func(attrs table.Map, generation int64, a event.Account, s account.State) {
		testModel.Encode(attrs, generation, a, s)
		if s.Version >= entries[7].Last {
			attrs["ballast"] = table.B(make([]byte, table.MaxItemBytes))
		}
	}
	b.handle(b.projection(m, 1), deliveries(t, entries...))
	row := b.row(1, entries[0].Account())
	if row.Version != entries[6].Last || row.QuarantinedAt != entries[7].Last {
		t.Errorf("row at v%d, quarantined at v%d; want v%d and v%d", row.Version, row.QuarantinedAt, entries[6].Last, entries[7].Last)
	}
}

func TestUndecodableRecordIsQuarantinedAndTheShardContinues(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(9, 1, 5)
	b.journal.commit(entries...)
	list := deliveries(t, entries...)
	list[2].Entry, list[2].Err, list[2].Data = nil, errors.New("broken JSON"), []byte("{")
	b.handle(b.projection(testModel, 1), list)
	b.check(1) // the gap was filled
	kept, err := quarantined.All(t.Context(), b.table, "balance@1")
	b.must(err)
	want := testStream + "#shardId-000000000000#" + list[2].Sequence
	if len(kept) != 1 || kept[0].ID != want || string(kept[0].Data) != "{" || kept[0].Cause != "broken JSON" {
		t.Errorf("quarantine %+v", kept)
	}
}

func TestNewerFormatQuarantinesItsAccountOnly(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(10, 2, 20)
	b.journal.commit(entries...)
	list := deliveries(t, entries...)
	var newer event.Account
	for i := range list {
		if list[i].Entry.First > 1 {
			newer = list[i].Entry.Account()
			list[i].Entry, list[i].Err = nil, &event.FormatError{Format: event.Format + 1}
			break
		}
	}
	b.handle(b.projection(testModel, 1), list)
	for _, a := range b.journal.order {
		if row := b.row(1, a); (row.QuarantinedAt != 0) != (a == newer) {
			t.Errorf("%s quarantined at v%d", a, row.QuarantinedAt)
		}
	}
	b.must(b.projection(testModel, 1).Redrive(t.Context(), newer))
	b.check(1)
}

// A write whose answer is lost, one that fails, and one that another process overtook all result in
// the same rows.
func TestWritesThatFailAreTriedAgain(t *testing.T) {
	for name, rule := range map[string]*faults.Rule{
		"answer lost":   {Match: faults.On("balance"), After: errors.New("connection reset")},
		"never arrived": {Match: faults.On("balance"), Before: errors.New("connection refused")},
		"throttled":     {Match: faults.On("balance"), Before: table.ErrThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t, 1)
			entries := archivetest.Bank(11, 3, 60)
			b.journal.commit(entries...)
			p := b.projection(testModel, 1)
			b.handle(p, deliveries(t, entries[:20]...))
			b.table.Arm(rule, 3)
			b.handle(p, deliveries(t, entries[20:]...))
			b.check(1)
			if rule.Fired() != 3 {
				t.Errorf("the fault fired %d times", rule.Fired())
			}
		})
	}
}

func TestLastingFailureReturnsTheBatchAndQuarantinesNoAccount(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(12, 3, 30)
	b.journal.commit(entries...)
	p := b.projection(testModel, 1)
	b.table.Arm(&faults.Rule{Match: faults.On("balance"), Before: table.ErrThrottled}, 1<<30)
	h, err := p.Open(t.Context(), consumer.Shard{}, "")
	b.must(err)
	defer func() { b.must(h.Close()) }()
	if checkpoint, err := h.Handle(t.Context(), consumer.Batch{Deliveries: deliveries(t, entries...)}); !errors.Is(err, table.ErrThrottled) || checkpoint != "" {
		t.Errorf("checkpoint %q, error %v", checkpoint, err)
	}
	b.table.Arm(&faults.Rule{}, 0)
	b.handle(p, deliveries(t, entries...))
	b.check(1)
}

func TestTwoProjectionsOfOneGenerationDoNoHarm(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(13, 8, 400)
	b.journal.commit(entries...)
	list := deliveries(t, entries...)
	done := make(chan error, 2)
	for i := range 2 {
		go func() {
			h, err := b.projection(testModel, 1).Open(t.Context(), consumer.Shard{}, "")
			defer func() { _ = h.Close() }()
			for from := 0; from < len(list) && err == nil; from += 10 + i {
				_, err = h.Handle(t.Context(), consumer.Batch{Deliveries: list[from:min(from+10+i, len(list))]})
			}
			done <- err
		}()
	}
	for range 2 {
		b.must(<-done)
	}
	b.check(1)
}

// What arrives while an account is in quarantine is skipped. A redrive at the same time must not
// lose it.
func TestRedriveFindsWhatWasSkippedInTheMeantime(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(14, 1, 10)
	a := entries[0].Account()
	b.journal.commit(entries[:8]...)
	broken := true
	m := failingModel(func(_ account.State, e event.Event) bool { return broken && e.Version == entries[5].First })
	p := b.projection(m, 1)
	b.handle(p, deliveries(t, entries[:8]...))
	broken = false
	late := b.projection(m, 1)
	b.table.Arm(&faults.Rule{Match: faults.On("balance"), Hook: func() { // just before the account is released
		b.journal.commit(entries[8:]...)
		b.handle(late, deliveries(t, entries[8:]...))
	}}, 1)
	b.must(p.Redrive(t.Context(), a))
	b.check(1)
}
