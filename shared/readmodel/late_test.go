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
	"passbook/shared/readmodel/quarantined"
)

// caughtUp fails the test unless an account is at the end of its journal and nothing is in
// quarantine.
func (b *bank) caughtUp(a event.Account) {
	b.t.Helper()
	b.checkAccount(1, a)
	kept, err := quarantined.All(b.t.Context(), b.table, "balance@1")
	if err != nil || len(kept) != 0 {
		b.t.Errorf("quarantine %+v, %v", kept, err)
	}
}

// A process that lost its shard fails at an event that its successor, a newer program, folds at the
// same time.
func TestLateFailureQuarantinesNoAccountThatPassedIt(t *testing.T) {
	// entries in a batch, and the try that would quarantine: one with all accounts of the batch,
	// and two for it, its half, and one
	for most, last := range map[int]int{1: 3, 4: 7} {
		b := newBank(t, 1)
		entries := archivetest.Bank(5, 1, 40)
		b.journal.commit(entries...)
		successor := b.projection(testModel, 1)
		at, tries := entries[10].First, 0
		zombie := b.projection(failingModel(func(_ account.State, e event.Event) bool {
			if e.Version != at {
				return false
			}
			if tries++; tries == last {
				b.handle(successor, deliveries(t, entries[10:]...))
			}
			return true
		}), 1)
		b.handle(successor, deliveries(t, entries[:10]...))
		b.handle(zombie, deliveries(t, entries[10:10+most]...))
		if tries != last {
			t.Errorf("the old program tried %d times", tries)
		}
		b.caughtUp(entries[0].Account())
	}
}

// A process removes the record of its late failure while another process, which found the record,
// quarantines the account at another event.
func TestLateFailureKeepsTheRecordOfAnotherProcess(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(5, 1, 40)
	b.journal.commit(entries...)
	first, second := entries[10].First, entries[20].First
	successor := b.projection(failingModel(func(_ account.State, e event.Event) bool { return e.Version == second }), 1)
	tries := 0
	m := failingModel(func(_ account.State, e event.Event) bool {
		if e.Version != first {
			return false
		}
		if tries++; tries == 3 {
			b.handle(successor, deliveries(t, entries[10:15]...))
		}
		return true
	})
	hooked := &hookedDelete{Table: b.table}
	hooked.hook = func() { b.handle(successor, deliveries(t, entries[15:]...)) }
	zombie := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows[account.State](hooked, m, 0), Journal: b.journal, Log: quietLog})
	b.handle(successor, deliveries(t, entries[:10]...))
	b.handle(zombie, deliveries(t, entries[10]))
	kept, err := quarantined.All(t.Context(), b.table, "balance@1")
	b.must(err)
	if row := b.row(1, entries[0].Account()); row.QuarantinedAt != second || len(kept) != 1 || kept[0].Version != second {
		t.Errorf("quarantined at v%d, quarantine %+v", row.QuarantinedAt, kept)
	}
}

// olderHistory is a journal in which one version cannot be read by an older program.
type olderHistory struct {
	*memoryJournal
	newer int64
	read  func()
}

func (h *olderHistory) Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		for e, err := range h.memoryJournal.Entries(ctx, a, from, to) {
			if e.First == h.newer {
				h.read()
				e, err = nil, fmt.Errorf("journal row: %w", &event.FormatError{Format: 2})
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// An old program heals or redrives an account and cannot read a journal entry that its successor
// can read. Once the successor has passed the entry, it continues after it; before that, it
// quarantines the account.
func TestCatchUpContinuesAfterAnEntryThatAnotherProcessPassed(t *testing.T) {
	for _, passed := range []bool{true, false} {
		b := newBank(t, 1)
		entries := archivetest.Bank(5, 1, 40)
		b.journal.commit(entries...)
		a := entries[0].Account()
		old := &olderHistory{memoryJournal: b.journal, newer: entries[10].First, read: func() {}}
		if passed {
			old.read = func() { b.handle(b.projection(testModel, 1), deliveries(t, entries[:15]...)) }
		}
		p := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows(b.table, testModel, 0), Journal: old, Log: quietLog})
		reached, err := p.CatchUp(t.Context(), a)
		if !passed {
			if row := b.row(1, a); !errors.Is(err, ErrQuarantined) || row.QuarantinedAt != old.newer || row.Version != old.newer-1 {
				t.Errorf("%v; row at v%d, quarantined at v%d", err, row.Version, row.QuarantinedAt)
			}
			continue
		}
		if b.must(err); reached != entries[39].Last {
			t.Errorf("reached v%d", reached)
		}
		b.caughtUp(a)
	}
}
