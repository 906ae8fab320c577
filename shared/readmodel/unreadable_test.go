package readmodel

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/readmodel/quarantined"
	"passbook/shared/table"
)

// unreadableHistory is a journal in which one account cannot be read.
type unreadableHistory struct {
	*memoryJournal
	bad event.Account
}

func (h unreadableHistory) Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	if a == h.bad {
		return func(yield func(*event.Entry, error) bool) {
			yield(nil, fmt.Errorf("journal row: %w", &event.FormatError{Format: 2}))
		}
	}
	return h.memoryJournal.Entries(ctx, a, from, to)
}

// A row of the journal that this program cannot read quarantines its own account only, when a gap
// is filled and when a hole is healed.
func TestUnreadableJournalRowQuarantinesItsAccountOnly(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(10, 2, 20)
	b.journal.commit(entries...)
	bad := entries[0].Account()
	p := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows(b.table, testModel, 0), Journal: unreadableHistory{b.journal, bad},
		Outbox: Outbox{Streams: b.streams, Stream: testOutbox}, Log: quietLog})
	var with []*event.Entry
	skipped := false
	for _, e := range entries {
		if e.Account() == bad && e.First > 1 && !skipped {
			skipped = true
			continue
		}
		with = append(with, e)
	}
	h, err := p.Open(t.Context(), consumer.Shard{Stream: testStream, ID: "s"}, "")
	b.must(err)
	defer func() { b.must(h.Close()) }()
	if _, err := h.Handle(t.Context(), consumer.Batch{Deliveries: deliveries(t, with...)}); err != nil {
		t.Fatalf("one account's journal stops the shard: %v", err)
	}
	if row := b.row(1, bad); row.QuarantinedAt != row.Version+1 {
		t.Errorf("the row at v%d is quarantined at v%d", row.Version, row.QuarantinedAt)
	}
	for _, a := range b.journal.order {
		if a != bad {
			b.checkAccount(1, a)
		}
	}
	rebuilt := NewProjection(ProjectionConfig[account.State]{Generation: 2, Rows: p.rows, Journal: p.journal, Outbox: p.outbox, Log: quietLog})
	b.must(rebuilt.Heal(t.Context(), bad))
	if row := b.row(2, bad); row.QuarantinedAt != 1 {
		t.Errorf("after healing quarantined at v%d", row.QuarantinedAt)
	}
}

// A row of the read model that cannot be decoded cannot be marked. Its account is in quarantine,
// and all other accounts continue.
func TestAccountOfAnUnreadableRowIsQuarantinedAndDelaysNoOther(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(10, 2, 20)
	b.journal.commit(entries...)
	bad := entries[0].Account()
	b.must(b.table.Put(t.Context(), table.Put{Table: "balance", If: table.Absent(), Row: table.Row{Key: RowKey(1, bad), Attrs: table.Map{
		"format": table.N(2), "rev": table.N(1)}}}))
	h, err := b.projection(testModel, 1).Open(t.Context(), consumer.Shard{Stream: testStream, ID: "s"}, "")
	b.must(err)
	defer func() { b.must(h.Close()) }()
	if _, err := h.Handle(t.Context(), consumer.Batch{Deliveries: deliveries(t, entries...)}); err != nil {
		t.Fatalf("one row stops the shard: %v", err)
	}
	kept, err := quarantined.All(t.Context(), b.table, "balance@1")
	if err != nil || len(kept) != 1 || kept[0].Account != bad {
		t.Errorf("quarantine %+v, %v", kept, err)
	}
	for _, a := range b.journal.order {
		if a != bad {
			b.checkAccount(1, a)
		}
	}
	b.must(b.projection(testModel, 1).Heal(t.Context(), bad))
	b.must(b.projection(testModel, 1).Redrive(t.Context(), bad))
	b.caughtUp(bad)
}

// hookedDelete calls hook once, before a record leaves quarantine.
type hookedDelete struct {
	table.Table
	hook func()
}

func (h *hookedDelete) Delete(ctx context.Context, name string, k table.Key, c table.Condition) error {
	if f := h.hook; f != nil && strings.HasPrefix(k.PK, "quarantine#") {
		h.hook = nil
		f()
	}
	return h.Table.Delete(ctx, name, k, c)
}

// The worker of the generation reads the entry that cannot be folded again during a redrive. The
// account stays listed in quarantine.
func TestRedriveNeverLosesTheRecordOfAQuarantinedAccount(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(5, 1, 40)
	b.journal.commit(entries...)
	m := failingModel(func(_ account.State, e event.Event) bool { return e.Version == 10 })
	live := b.projection(m, 1)
	half := len(entries) / 2
	b.handle(live, deliveries(t, entries[:half]...))
	a := entries[0].Account()
	ht := &hookedDelete{Table: b.table}
	// the live worker reads the next record
	ht.hook = func() { b.handle(live, deliveries(t, entries[half:half+1]...)) }
	job := NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows[account.State](ht, m, 0), Journal: b.journal, Log: quietLog})
	err := job.Redrive(t.Context(), a)
	kept, listed := quarantined.All(t.Context(), b.table, "balance@1")
	b.must(listed)
	row := b.row(1, a)
	if row.QuarantinedAt != 10 || len(kept) != 1 || kept[0].Version != 10 || !errors.Is(err, ErrQuarantined) {
		t.Errorf("quarantined at v%d, quarantine %+v, %v", row.QuarantinedAt, kept, err)
	}
}

// A flood of records that nobody of the bank made, or that nobody can decode, leaves a bounded
// number of rows, blocks no account, and the entries among it are folded.
func TestFloodOfForeignRecordsKeepsABoundedSample(t *testing.T) {
	for name, refused := range map[string]error{"foreign": fmt.Errorf("format 9: %w: %w", event.ErrForeign, &event.FormatError{Format: 9}), "garbage": errors.New("no JSON")} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t, 1)
			entries := archivetest.Bank(10, 2, 20)
			b.journal.commit(entries...)
			flood := deliveries(t, entries...)
			for n := range 3 * maxRecords {
				flood = append(flood, consumer.Delivery{
					Sequence: fmt.Sprint(1000 + n), PartitionKey: entries[0].Account().String(), Err: refused, Data: make([]byte, 4096),
				})
			}
			h, err := b.projection(testModel, 1).Open(t.Context(), consumer.Shard{Stream: testStream, ID: "s"}, "")
			b.must(err)
			defer func() { b.must(h.Close()) }()
			if _, err := h.Handle(t.Context(), consumer.Batch{Deliveries: flood}); err != nil {
				t.Fatal(err)
			}
			kept, err := quarantined.All(t.Context(), b.table, "balance@1")
			if err != nil || len(kept) != maxRecords {
				t.Errorf("%d rows, %v", len(kept), err)
			}
			for _, q := range kept {
				if q.Account != (event.Account{}) || name == "foreign" && len(q.Data) > foreignBytes {
					t.Fatalf("kept %+v", q)
				}
			}
			for _, a := range b.journal.order {
				b.checkAccount(1, a)
			}
		})
	}
}
