package golden

import (
	"testing"
	"time"

	"passbook/balance"
	"passbook/shared/account"
	"passbook/shared/consumer"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// derivedRows has the read model of balances write the rows of an opened account: those of the
// index, that of its holder, and the mark of a candidate.
func derivedRows(t *testing.T) (rows []Rendered) {
	t.Helper()
	tables := storetest.Memory(t, pebblestream.Options{}, append(journal.Schemas[:len(journal.Schemas):len(journal.Schemas)], balance.Schemas...)...).Table
	now := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	j, err := journal.Open(t.Context(), journal.Config{Table: tables, Outbox: discard{}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	a := event.Account{Tenant: "main", ID: "A-1"}
	_, err = j.Execute(t.Context(), journal.Command{
		Account: a, Key: "open", Status: 201, CorrelationID: "01a228d6", Actor: event.Text{Plain: "key:4f9sk2mw81cd"},
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			d.Open("EUR", event.AccountOpened{Exponent: 2, HolderRef: "H-1", CreditLimit: 10_000})
			return d.Decision()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := j.Reader.Entry(t.Context(), a, 1)
	if err != nil {
		t.Fatal(err)
	}
	projector := balance.NewProjector(balance.Config{
		Runtime: consumer.Runtime{Table: tables}, Journal: j.Reader, Store: balance.NewStore(tables, 0),
	})
	p, err := projector.Projection(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.ProjectEntries(t.Context(), a, []*event.Entry{e}); err != nil {
		t.Fatal(err)
	}
	if err := projector.Begin(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	for row, err := range table.ScanRows(t.Context(), tables, table.Scan{Table: derived.Table, Of: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, Render(derived.Table, row))
	}
	return rows
}
