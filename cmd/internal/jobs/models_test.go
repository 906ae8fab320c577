package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/journal/restorer"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/table"
)

// history commits the histories of three accounts to the bank's journal.
func history(t *testing.T, b Bank) []*event.Entry {
	t.Helper()
	entries := archivetest.Bank(3, 3, 200)
	states := map[event.Account]account.State{}
	for _, e := range entries {
		s := states[e.Account()]
		for _, ev := range e.Events {
			var err error
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
		states[e.Account()] = s
		if err := restorer.New(b.Table).Restore(t.Context(), e, s); err != nil {
			t.Fatal(err)
		}
	}
	return entries
}

// rebuilt makes a candidate of a model from the journal.
func rebuilt(t *testing.T, b Bank, model string) {
	t.Helper()
	done, err := b.rebuild(t.Context(), RebuildParams{Model: model, From: "journal"}, progress.New())
	if err != nil || done.Accounts != 3 || done.Blocked != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
}

// change changes a row of a model as nobody should.
func change(t *testing.T, b Bank, model string, generation int64, id string, how func(table.Map)) {
	t.Helper()
	row, err := b.Table.Get(t.Context(), model, readmodel.RowKey(generation, event.Account{Tenant: "main", ID: id}), true)
	if err != nil {
		t.Fatal(err)
	}
	rev := row.Attrs["rev"]
	how(row.Attrs)
	if err := b.Table.Put(t.Context(), table.Put{Table: model, Row: row, If: table.Equals("rev", rev)}); err != nil {
		t.Fatal(err)
	}
}

// Rows that the live generation does not have are compared with the journal in every column, and
// nobody is notified.
func TestPromoteComparesRowsThatAreAheadWithTheJournal(t *testing.T) {
	for model, column := range map[string]string{Models[0]: "available", Models[1]: "peak"} {
		t.Run(model, func(t *testing.T) {
			b := openBank(t)
			history(t, b)
			rebuilt(t, b, model)
			found, err := b.promote(t.Context(), PromoteParams{Model: model, DryRun: true}, progress.New())
			if err != nil || found.Ahead != 3 || found.Promoted {
				t.Fatalf("%+v, %v", found, err)
			}
			change(t, b, model, 2, "A-1", func(a table.Map) { a[column] = a[column].(table.N) + 1 })
			found, err = b.promote(t.Context(), PromoteParams{Model: model}, progress.New())
			if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 1 || found.Faults.List[0].Account.ID != "A-1" {
				t.Fatalf("%+v, %v", found, err)
			}
		})
	}
}

// The row of a forged record proves nothing: in the live generation it does not stop a correct
// candidate, and in the candidate it is found although the live generation has the same.
func TestPromoteComparesRowsWithTheJournal(t *testing.T) {
	b, model := openBank(t), Models[0]
	history(t, b)
	project(t, b, model, 1)
	rebuilt(t, b, model)
	forged := func(a table.Map) { a["hash"], a["posted"] = table.S(event.Hash{1}.String()), table.N(1) }
	change(t, b, model, 1, "A-1", forged)
	found, err := b.promote(t.Context(), PromoteParams{Model: model, DryRun: true}, progress.New())
	if err != nil || found.Equal != 2 || found.Ahead != 1 {
		t.Errorf("the live row is forged: %+v, %v", found, err)
	}
	change(t, b, model, 2, "A-1", forged)
	found, err = b.promote(t.Context(), PromoteParams{Model: model}, progress.New())
	if !errors.Is(err, replay.ErrDifference) || found.Faults.Count != 2 || !strings.Contains(found.Faults.List[0].What, "its row under holder") || !strings.Contains(found.Faults.List[1].What, "was not folded from the journal's entry") {
		t.Errorf("both are forged: %+v, %v", found, err)
	}
}

// After going back, the generation that was left is the one to compare and promote, and going back
// again is that too.
func TestPromoteAfterGoingBack(t *testing.T) {
	b, model := openBank(t), Models[0]
	history(t, b)
	project(t, b, model, 1)
	rebuilt(t, b, model)
	for _, step := range []struct {
		back            bool
		live, candidate int64
	}{{false, 1, 2}, {true, 2, 1}, {false, 1, 2}, {true, 2, 1}, {true, 1, 2}} {
		done, err := b.promote(t.Context(), PromoteParams{Model: model, Back: step.back}, progress.New())
		if err != nil || !done.Promoted || done.Live != step.live || done.Candidate != step.candidate || done.Back != step.back || !step.back && done.Equal != 3 {
			t.Fatalf("%+v: %+v, %v", step, done, err)
		}
	}
	_, err := b.promote(t.Context(), PromoteParams{Model: model}, progress.New())
	if err == nil || !strings.Contains(err.Error(), "replay promote --model balance --back returns to generation 1") {
		t.Errorf("after the last step: %v", err)
	}
}

// breaking is a table that fails to delete rows of a model while it is told to, as where a discard
// is ended in their middle.
type breaking struct {
	table.Table
	model  string
	broken bool
}

var errBroken = errors.New("interrupted")

func (b *breaking) Delete(ctx context.Context, name string, key table.Key, c table.Condition) error {
	if b.broken && name == b.model {
		return errBroken
	}
	return b.Table.Delete(ctx, name, key, c)
}

// A discard that is interrupted when the generation has lost its name is completed by the next one.
func TestDiscardContinuesAfterAnInterruption(t *testing.T) {
	for _, promoted := range []bool{false, true} {
		t.Run(fmt.Sprintf("promoted %v", promoted), func(t *testing.T) {
			b, model := openBank(t), Models[0]
			history(t, b)
			rebuilt(t, b, model)
			goes := int64(2)
			if promoted {
				project(t, b, model, 1)
				if done, err := b.promote(t.Context(), PromoteParams{Model: model}, progress.New()); err != nil || !done.Promoted {
					t.Fatalf("%+v, %v", done, err)
				}
				goes = 1
			}
			mark(t, b, model, goes)
			in := &breaking{Table: b.Table, model: model, broken: true}
			b.Table = in
			if done, err := b.discard(t.Context(), DiscardParams{Model: model}, progress.New()); !errors.Is(err, errBroken) || done.Resumed {
				t.Fatalf("%+v, %v", done, err)
			}
			if _, err := b.rebuild(t.Context(), RebuildParams{Model: model, From: "journal"}, progress.New()); !errors.Is(err, readmodel.ErrGeneration) {
				t.Errorf("rebuilt beside what is left: %v", err)
			}
			in.broken = false
			for _, dry := range []bool{true, false} {
				done, err := b.discard(t.Context(), DiscardParams{Model: model, DryRun: dry}, progress.New())
				if err != nil || !done.Resumed || done.Generation != goes {
					t.Fatalf("%+v, %v", done, err)
				}
			}
			nothingLeft(t, b, model, goes)
			rebuilt(t, b, model)
		})
	}
}

// project brings a generation up to the journal.
func project(t *testing.T, b Bank, model string, generation int64) {
	t.Helper()
	to, err := b.projection(t.Context(), model, generation)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"A-0", "A-1", "A-2"} {
		if _, err := to.CatchUp(t.Context(), event.Account{Tenant: "main", ID: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// mark leaves what a rebuild from the archive leaves: how far it came.
func mark(t *testing.T, b Bank, model string, generation int64) {
	t.Helper()
	row := table.Row{
		Key:   table.Key{PK: "replay#" + readmodel.Name(model, generation), SK: "source"},
		Attrs: table.Map{"first": table.S("1"), "rev": table.N(1)},
	}
	if err := b.Table.Put(t.Context(), table.Put{Table: control.Name, Row: row, If: table.Absent()}); err != nil {
		t.Fatal(err)
	}
}

// nothingLeft checks that a generation has no row, no trace among the control rows, and no name.
func nothingLeft(t *testing.T, b Bank, model string, generation int64) {
	t.Helper()
	for _, name := range []string{model, control.Name} {
		page, err := b.Table.Scan(t.Context(), table.Scan{Table: name, Of: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			g, _, ok := readmodel.ParseRowKey(row.PK)
			if ok && g == generation || strings.HasSuffix(row.PK, readmodel.Name(model, generation)) {
				t.Errorf("%v is left", row.Key)
			}
		}
	}
	g, err := readmodel.LoadGenerations(t.Context(), b.Table, model)
	if err != nil || g.Discarding != 0 || g.Candidate != 0 || g.Previous != 0 {
		t.Errorf("%+v, %v", g, err)
	}
}
