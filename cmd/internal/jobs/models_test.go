package jobs

import (
	"errors"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/replay"
	"passbook/shared/table"
	"passbook/shared/web/ops"
)

// history commits the histories of three accounts to the bank's journal.
func history(t *testing.T, b Bank) []*event.Entry {
	t.Helper()
	entries := archivetest.Bank(3, 3, 200)
	states := map[string]account.State{}
	for _, e := range entries {
		s := states[e.AccountID]
		for _, ev := range e.Events {
			var err error
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
		states[e.AccountID] = s
		if err := journal.NewRestorer(b.Table).Restore(t.Context(), e, s); err != nil {
			t.Fatal(err)
		}
	}
	return entries
}

// rebuilt makes a candidate of a model from the journal.
func rebuilt(t *testing.T, b Bank, model string) {
	t.Helper()
	done, err := b.rebuild(t.Context(), RebuildParams{Model: model, From: "journal"}, ops.NewProgress())
	if err != nil || done.Accounts != 3 || done.Blocked != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
}

// change changes a row of a model as nobody should.
func change(t *testing.T, b Bank, model string, generation int64, id string, how func(table.Map)) {
	t.Helper()
	row, err := b.Table.Get(t.Context(), model, consumer.RowKey(generation, journal.Account{Tenant: "main", ID: id}), true)
	if err != nil {
		t.Fatal(err)
	}
	rev := row.Attrs["rev"]
	how(row.Attrs)
	if err := b.Table.Put(t.Context(), table.Put{Table: model, Row: row, If: table.Equals("rev", rev)}); err != nil {
		t.Fatal(err)
	}
}

// Where the live generation has nothing, each model's rows are held against the journal, in every column, and nobody is told of it.
func TestPromoteHoldsWhatIsAheadAgainstTheJournal(t *testing.T) {
	for model, column := range map[string]string{Models[0]: "available", Models[1]: "peak"} {
		t.Run(model, func(t *testing.T) {
			b := standing(t)
			history(t, b)
			rebuilt(t, b, model)
			found, err := b.promote(t.Context(), PromoteParams{Model: model, DryRun: true}, ops.NewProgress())
			if err != nil || found.Ahead != 3 || found.Promoted {
				t.Fatalf("%+v, %v", found, err)
			}
			change(t, b, model, 2, "A-1", func(a table.Map) { a[column] = a[column].(table.N) + 1 })
			found, err = b.promote(t.Context(), PromoteParams{Model: model}, ops.NewProgress())
			if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 1 || found.Faults.List[0].Account.ID != "A-1" {
				t.Fatalf("%+v, %v", found, err)
			}
		})
	}
}
