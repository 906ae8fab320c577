package readmodel

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
)

// notBlocked holds that an account is where its journal ends, and that nothing is in quarantine.
func (b *bank) notBlocked(a event.Account) {
	b.t.Helper()
	b.checkAccount(1, a)
	kept, err := QuarantineAll(b.t.Context(), b.table, "balance@1")
	if err != nil || len(kept) != 0 {
		b.t.Errorf("quarantine %+v, %v", kept, err)
	}
}

// A process that lost its shard fails at an event that its successor, a newer program, folds at
// that very moment.
func TestLateJudgementBlocksNoAccountThatPassedIt(t *testing.T) {
	// entries in a batch, and the try that would block: two for it, its half, and one
	for most, judged := range map[int]int{1: 2, 4: 6} {
		b := newBank(t, 1)
		entries := archivetest.Bank(5, 1, 40)
		b.journal.commit(entries...)
		successor := b.projection(testModel, 1)
		at, tries := entries[10].First, 0
		zombie := b.projection(poisonedModel(func(_ account.State, e event.Event) bool {
			if e.Version != at {
				return false
			}
			if tries++; tries == judged {
				b.handle(successor, deliveries(t, entries[10:]...))
			}
			return true
		}), 1)
		b.handle(successor, deliveries(t, entries[:10]...))
		b.handle(zombie, deliveries(t, entries[10:10+most]...))
		if tries != judged {
			t.Errorf("the old program tried %d times", tries)
		}
		b.notBlocked(entries[0].Account())
	}
}

// A late judgement takes its record back as somebody else, who found the record there, blocks the
// account at another event.
func TestLateJudgementLeavesTheRecordOfAnother(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(5, 1, 40)
	b.journal.commit(entries...)
	first, second := entries[10].First, entries[20].First
	successor := b.projection(poisonedModel(func(_ account.State, e event.Event) bool { return e.Version == second }), 1)
	tries := 0
	m := poisonedModel(func(_ account.State, e event.Event) bool {
		if e.Version != first {
			return false
		}
		if tries++; tries == 2 {
			b.handle(successor, deliveries(t, entries[10:15]...))
		}
		return true
	})
	line := &hookedDelete{Table: b.table}
	line.hook = func() { b.handle(successor, deliveries(t, entries[15:]...)) }
	zombie := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows[account.State](line, m), Journal: b.journal, Log: quietLog})
	b.handle(successor, deliveries(t, entries[:10]...))
	b.handle(zombie, deliveries(t, entries[10]))
	kept, err := QuarantineAll(t.Context(), b.table, "balance@1")
	b.must(err)
	if row := b.row(1, entries[0].Account()); row.QuarantinedAt != second || len(kept) != 1 || kept[0].Version != second {
		t.Errorf("blocked at v%d, quarantine %+v", row.QuarantinedAt, kept)
	}
}

// olderHistory is a journal in which one version cannot be read by an older program.
type olderHistory struct {
	*memoryJournal
	newer int64
	met   func()
}

func (h *olderHistory) Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		for e, err := range h.memoryJournal.Entries(ctx, a, from, to) {
			if e.First == h.newer {
				h.met()
				e, err = nil, fmt.Errorf("journal row: %w", &event.FormatError{Format: 2})
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// The same of an old program that heals or redrives, and cannot read the journal where its
// successor can: after the successor has passed the entry it goes on behind it, and before that it
// blocks the account.
func TestCatchUpGoesOnBehindWhatAnotherHasPassed(t *testing.T) {
	for _, passed := range []bool{true, false} {
		b := newBank(t, 1)
		entries := archivetest.Bank(5, 1, 40)
		b.journal.commit(entries...)
		a := entries[0].Account()
		old := &olderHistory{memoryJournal: b.journal, newer: entries[10].First, met: func() {}}
		if passed {
			old.met = func() { b.handle(b.projection(testModel, 1), deliveries(t, entries[:15]...)) }
		}
		p := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows(b.table, testModel), Journal: old, Log: quietLog})
		reached, err := p.CatchUp(t.Context(), a)
		if !passed {
			if row := b.row(1, a); !errors.Is(err, ErrQuarantined) || row.QuarantinedAt != old.newer || row.Version != old.newer-1 {
				t.Errorf("%v; row at v%d, blocked at v%d", err, row.Version, row.QuarantinedAt)
			}
			continue
		}
		if b.must(err); reached != entries[39].Last {
			t.Errorf("reached v%d", reached)
		}
		b.notBlocked(a)
	}
}
