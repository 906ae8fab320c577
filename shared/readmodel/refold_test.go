package readmodel

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel/quarantined"
)

// forgeOn returns a forged entry in the place of e that follows another one.
func forgeOn(t *testing.T, before, e *event.Entry) *event.Entry {
	t.Helper()
	other := *e
	other.Prev = before.Hash
	return forge(t, &other)
}

// A forged record follows the row by its hash and is folded. After each way to repair it, the row
// is what the journal makes it, or the account is in quarantine.
func TestForgedRowIsRepairedOrQuarantined(t *testing.T) {
	entries := archivetest.Bank(31, 1, 8)
	a := entries[0].Account()
	forged := forge(t, entries[3])
	more := forgeOn(t, forged, entries[4])
	redrive := func(t *testing.T, p *Projection[account.State]) error { return p.Redrive(t.Context(), a) }
	catchUp := func(t *testing.T, p *Projection[account.State]) error {
		_, err := p.CatchUp(t.Context(), a)
		return err
	}
	heal := func(t *testing.T, p *Projection[account.State]) error { return p.Heal(t.Context(), a) }
	for _, c := range []struct {
		name    string
		stream  []*event.Entry
		journal []*event.Entry
		repair  func(*testing.T, *Projection[account.State]) error
		at      int64 // of the quarantine; 0 if the row is the journal's
	}{
		{"redrive of a quarantined row", []*event.Entry{entries[0], entries[1], entries[2], forged, entries[4]}, entries[:5], redrive, 0},
		{"redrive, and the journal is far ahead", []*event.Entry{entries[0], entries[1], entries[2], forged, entries[4]}, entries, redrive, 0},
		{"redrive after two forged records", []*event.Entry{entries[0], entries[1], entries[2], forged, more, entries[5]}, entries[:6], redrive, 0},
		{"redrive of an account that is not in quarantine", []*event.Entry{entries[0], entries[1], entries[2], forged}, entries, redrive, 0},
		{"redrive of a row ahead of the journal", []*event.Entry{entries[0], entries[1], entries[2], forged, more}, entries[:3], redrive, 0},
		{"redrive of an account that the journal does not have", []*event.Entry{entries[0], entries[1]}, nil, redrive, 0},
		{"a row as the journal has it", entries[:4], entries, redrive, 0},
		{"repair", []*event.Entry{entries[0], entries[1], entries[2], forged}, entries, catchUp, 0},
		{"repair at the journal's head", []*event.Entry{entries[0], entries[1], entries[2], forged}, entries[:4], catchUp, 0},
		{"repair of a row ahead of the journal", []*event.Entry{entries[0], entries[1], entries[2], forged, more}, entries[:3], catchUp, forged.First},
		{"repair of an account that the journal does not have", entries[:2], nil, catchUp, 1},
		{"sweep of a hole", []*event.Entry{entries[0], entries[1], entries[2], forged, more}, entries, heal, 0},
		{"sweep of a row ahead of the journal", []*event.Entry{entries[0], entries[1], entries[2], forged}, entries[:3], heal, forged.First},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBank(t, 1)
			b.journal.commit(c.journal...)
			p := b.projection(testModel, 1)
			for _, e := range c.stream {
				b.handle(p, deliveries(t, e))
			}
			err := c.repair(t, p)
			if want := c.at != 0 && !strings.HasPrefix(c.name, "sweep"); errors.Is(err, ErrQuarantined) != want || !want && err != nil {
				t.Errorf("repaired: %v", err)
			}
			kept, err := quarantined.All(t.Context(), b.table, "balance@1")
			b.must(err)
			if row := b.row(1, a); c.at != 0 {
				if row.QuarantinedAt != c.at || len(kept) != 1 || kept[0].Version != c.at || !strings.Contains(row.Cause, "the journal ends at") {
					t.Errorf("row at v%d, quarantined at v%d (%s), quarantine %+v", row.Version, row.QuarantinedAt, row.Cause, kept)
				}
				if b.must(p.Redrive(t.Context(), a)); len(c.journal) > 0 {
					b.caughtUp(a)
				}
				return
			}
			if c.journal == nil {
				if _, err := NewRows(b.table, testModel, 0).Load(t.Context(), 1, a); !errors.Is(err, ErrNoRow) || len(kept) != 0 {
					t.Errorf("a row without an account: %v, quarantine %+v", err, kept)
				}
				return
			}
			b.caughtUp(a)
			b.handle(p, deliveries(t, entries...)) // and it continues
			if row := b.row(1, a); row.QuarantinedAt != 0 {
				t.Errorf("quarantined at v%d: %s", row.QuarantinedAt, row.Cause)
			}
		})
	}
}

// The repaired row is written once, so that no reader gets a state on the way, and every message of
// the journal's history is sent.
func TestRefoldIsOneWriteAndSendsTheMessagesOfTheHistory(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(32, 1, maxUnsaved+300)
	m := messagingModel()
	p := b.projection(m, 1)
	n := len(entries)
	b.journal.commit(entries...)
	b.handle(p, deliveries(t, entries[:n-8]...))
	b.handle(p, deliveries(t, forge(t, entries[n-8])))
	b.handle(p, deliveries(t, entries[n-7])) // puts it into quarantine
	a := entries[0].Account()
	before := b.row(1, a)
	if before.QuarantinedAt == 0 {
		t.Fatal("the account of the forged row is not in quarantine")
	}
	b.must(p.Redrive(t.Context(), a))
	b.check(1)
	if rev := b.row(1, a).rev; rev != before.rev+1 {
		t.Errorf("the row was written %d times", rev-before.rev)
	}
	b.checkMessages(false)
}

// An account whose journal cannot be folded is quarantined at that entry, with the row before it.
func TestRefoldEndsAtAnEntryThatCannotBeFolded(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(33, 1, 8)
	b.journal.commit(entries...)
	a := entries[0].Account()
	p := b.projection(testModel, 1)
	b.handle(p, deliveries(t, entries[0], entries[1], entries[2], forge(t, entries[3])))
	failing := b.projection(failingModel(func(_ account.State, e event.Event) bool { return e.Version == entries[2].First }), 1)
	if err := failing.Redrive(t.Context(), a); !errors.Is(err, ErrQuarantined) {
		t.Errorf("redriven: %v", err)
	}
	row := b.row(1, a)
	kept, err := quarantined.All(t.Context(), b.table, "balance@1")
	b.must(err)
	if row.Version != entries[1].Last || row.QuarantinedAt != entries[2].First || len(kept) != 1 || kept[0].Version != row.QuarantinedAt {
		t.Errorf("row at v%d, quarantined at v%d, quarantine %+v", row.Version, row.QuarantinedAt, kept)
	}
	b.must(p.Redrive(t.Context(), a))
	b.caughtUp(a)
}

// unreadableBackward is a journal that cannot be read backward.
type unreadableBackward struct{ *memoryJournal }

func (unreadableBackward) Backward(context.Context, event.Account, int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) { yield(nil, fmt.Errorf("row: %w", journal.ErrDamaged)) }
}

// A row cannot be compared if the journal's entry cannot be read: an account in quarantine stays
// there, and any other is still caught up.
func TestAccountIsNotReleasedIfItsRowCannotBeCompared(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(34, 1, 8)
	b.journal.commit(entries[:4]...)
	a := entries[0].Account()
	b.handle(b.projection(testModel, 1), deliveries(t, entries[0], entries[1], entries[2], forge(t, entries[3]), entries[4]))
	unreadable := NewProjection(ProjectionConfig[account.State]{
		Generation: 1, Rows: NewRows(b.table, testModel, 0), Journal: unreadableBackward{b.journal}, Log: quietLog,
	})
	if err := unreadable.Redrive(t.Context(), a); !errors.Is(err, ErrQuarantined) || b.row(1, a).QuarantinedAt == 0 {
		t.Errorf("redriven: %v", err)
	}
	b.must(b.projection(testModel, 1).Redrive(t.Context(), a))
	if _, err := unreadable.CatchUp(t.Context(), a); err != nil {
		t.Errorf("caught up: %v", err)
	}
	b.caughtUp(a)
}

// An archive with forged records has them for every rebuild. A candidate takes the journal's entry
// if the journal has the version, in each order of the two.
func TestCandidateTakesTheJournalsEntry(t *testing.T) {
	generation := int64(1)
	b := newBank(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		generation++
		b.journal = &memoryJournal{entries: map[event.Account][]*event.Entry{}}
		entries := archivetest.Bank(rapid.Uint64().Draw(rt, "seed"), 1, rapid.IntRange(2, 20).Draw(rt, "entries"))
		b.journal.commit(entries...)
		fed := slices.Clone(entries)
		for range rapid.IntRange(1, 3).Draw(rt, "forged") {
			at := rapid.IntRange(0, len(entries)-1).Draw(rt, "at")
			forged := forge(t, entries[at])
			fed = append(fed, forged)
			if at+1 < len(entries) && rapid.Bool().Draw(rt, "two") {
				fed = append(fed, forgeOn(t, forged, entries[at+1]))
			}
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "order"), 0))
		random.Shuffle(len(fed), func(i, j int) { fed[i], fed[j] = fed[j], fed[i] })
		p := b.projection(testModel, generation)
		p.silent = func() bool { return true }
		a := entries[0].Account()
		for len(fed) > 0 {
			n := 1 + random.IntN(len(fed))
			b.must(p.ProjectEntries(t.Context(), a, fed[:n]))
			fed = fed[n:]
		}
		_, err := p.CatchUp(t.Context(), a)
		b.must(err)
		b.checkAccount(generation, a)
	})
}
