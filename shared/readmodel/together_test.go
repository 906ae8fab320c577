package readmodel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// lossy is a table that loses puts of a PutEach, or their answers. It makes one call at a time.
type lossy struct {
	table.Table
	mu          sync.Mutex
	calls, puts int
	// fate returns whether a put is made, and what is answered if it is not nil.
	fate func() (made bool, answer error)
}

// Put implements table.Table.
func (l *lossy) Put(ctx context.Context, p table.Put) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.puts++
	return l.Table.Put(ctx, p)
}

// PutEach implements table.Table.
func (l *lossy) PutEach(ctx context.Context, puts []table.Put) []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	return table.PutApart(ctx, puts, 1, func(ctx context.Context, p table.Put) error {
		made, answer := l.fate()
		if made {
			if err := l.Table.Put(ctx, p); err != nil {
				return err
			}
		}
		return answer
	})
}

func (b *bank) lossy(fate func() (bool, error)) (*lossy, *Projection[account.State]) {
	l := &lossy{Table: b.table, fate: fate}
	return l, NewProjection(ProjectionConfig[account.State]{
		Generation: 1, Rows: NewRows(l, testModel, 0), Journal: b.journal, Further: &testFurther, Log: quietLog,
	})
}

func TestRowsOfABatchAreSavedByOneCall(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(1, 20, 100)
	b.journal.commit(entries...)
	l, p := b.lossy(func() (bool, error) { return true, nil })
	b.handle(p, deliveries(t, entries[:60]...))
	b.handle(p, deliveries(t, entries[60:]...))
	if l.calls != 2 || l.puts != 0 {
		t.Errorf("two batches were saved by %d calls and %d single puts", l.calls, l.puts)
	}
	if b.journal.reads != 0 {
		t.Errorf("the journal was read %d times, and nothing was missing", b.journal.reads)
	}
	b.check(1)
	b.checkFurther(t, 1)
}

// Any puts of a call fail, or are made and not answered, also when the batch comes again or another
// process projects the same entries. In the end every row is what the journal makes it.
func TestEachAccountOfABatchIsFinishedAtItsOwnOutcome(t *testing.T) {
	fates := []func() (bool, error){
		func() (bool, error) { return true, nil },
		func() (bool, error) { return true, nil },
		func() (bool, error) { return true, errors.New("no answer") },
		func() (bool, error) { return false, errors.New("not made") },
		func() (bool, error) { return false, table.ErrThrottled },
	}
	rapid.Check(t, func(r *rapid.T) {
		b := newBankWith(t, pebblestream.Options{Shards: 1})
		entries := archivetest.Bank(rapid.Uint64().Draw(r, "seed"), rapid.IntRange(1, 6).Draw(r, "accounts"), rapid.IntRange(6, 40).Draw(r, "entries"))
		b.journal.commit(entries...)
		left := rapid.IntRange(0, 12).Draw(r, "faults") // so that each put succeeds within its tries
		fate := func() (bool, error) {
			if left--; left < 0 {
				return true, nil
			}
			return rapid.SampledFrom(fates).Draw(r, "fate")()
		}
		processes := make([]*Projection[account.State], rapid.IntRange(1, 2).Draw(r, "processes"))
		for i := range processes {
			_, processes[i] = b.lossy(fate)
		}
		at := make([]int, len(processes))
		for slices.Min(at) < len(entries) {
			i := rapid.IntRange(0, len(processes)-1).Draw(r, "process")
			from := max(0, at[i]-rapid.IntRange(0, 3).Draw(r, "again"))
			to := min(len(entries), at[i]+rapid.IntRange(1, len(entries)).Draw(r, "n"))
			if b.follow(t.Context(), processes[i], entries[from:to]) == nil {
				at[i] = to
			}
		}
		b.check(1)
		b.checkFurther(r, 1)
	})
}

// An account whose entries do not follow its row, and one that cannot be folded, hold up no other
// of their batch.
func TestAccountsThatNeedMoreAreLeftOutOfTheCall(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(3, 5, 80)
	b.journal.commit(entries...)
	gap, broken := b.journal.of(b.journal.order[0]), b.journal.of(b.journal.order[1])
	bad := broken[len(broken)/2].Events[0]
	p := b.projection(failingModel(func(_ account.State, e event.Event) bool { return e.Version == bad.Version && e.After == bad.After }), 1)
	list := slices.DeleteFunc(slices.Clone(entries), func(e *event.Entry) bool { return e == gap[1] })
	b.handle(p, deliveries(t, list...))
	for _, a := range b.journal.order {
		if a != broken[0].Account() {
			b.checkAccount(1, a)
		} else if row := b.row(1, a); row.QuarantinedAt != bad.Version || row.Version != bad.Version-1 {
			t.Errorf("row at v%d, quarantined at v%d, want v%d", row.Version, row.QuarantinedAt, bad.Version)
		}
	}
}

// The maps of rows are used again, and no row has an attribute of an earlier one.
func TestRowsOfLaterBatchesHaveTheirOwnAttributes(t *testing.T) {
	b := newBank(t, 1)
	model := testModel
	model.Encode = func(attrs table.Map, generation int64, a event.Account, s account.State) {
		testModel.Encode(attrs, generation, a, s)
		attrs["of "+a.ID] = table.N(1)
	}
	entries := archivetest.Bank(1, 20, 100)
	p := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows[account.State](b.table, model, 0), Journal: b.journal, Log: quietLog})
	h, err := p.Open(t.Context(), consumer.Shard{Stream: testStream, ID: "s"}, "")
	b.must(err)
	for batch := range slices.Chunk(deliveries(t, entries...), 10) {
		_, err := h.Handle(t.Context(), consumer.Batch{Deliveries: batch})
		b.must(err)
	}
	b.must(h.Close())
	seen := 0
	for row, err := range table.ScanRows(t.Context(), b.table, table.Scan{Table: model.Name, Of: 1}) {
		b.must(err)
		seen++
		for name := range row.Attrs {
			if of, other := strings.CutPrefix(name, "of "); other && of != row.Attrs.Text("account_id") {
				t.Errorf("the row of %s has an attribute of %s", row.PK, of)
			}
		}
	}
	if seen != 20 {
		t.Errorf("%d rows, want 20", seen)
	}
}
