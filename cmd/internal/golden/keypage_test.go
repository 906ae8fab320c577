package golden

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/embedded"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// discard is an outbox that publishes nothing.
type discard struct{}

func (discard) Publish(...journal.Committed)    {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }

// keyRows has the journal write a key page and a key filter, and returns their rows. The account
// reaches version 64,000 by commands of many events each, so that they are short enough for the
// document.
func keyRows(t *testing.T) []Rendered {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tables, err := pebbletable.New(db, journal.Schemas...)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	j, err := journal.Open(t.Context(), journal.Config{Table: tables, Outbox: discard{}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	a := event.Account{Tenant: "main", ID: "A-1"}
	for i := range 161 {
		_, err := j.Execute(t.Context(), journal.Command{Account: a, Key: fmt.Sprint("batch-", i), Status: 201, Decide: credit400})
		if err != nil {
			t.Fatal(err)
		}
	}
	var rendered []Rendered
	for _, sk := range []string{"K#000000000001", "F#000000000001"} {
		row, err := tables.Get(t.Context(), journal.Table, table.Key{PK: a.String(), SK: sk}, true)
		for errors.Is(err, table.ErrNotFound) { // the filter is made beside the commands
			<-time.After(time.Millisecond)
			row, err = tables.Get(t.Context(), journal.Table, table.Key{PK: a.String(), SK: sk}, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		rendered = append(rendered, Render(journal.Table, row))
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rendered
}

// credit400 decides on 400 credits at once.
func credit400(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	if s.Version == 0 {
		d.Open("EUR", event.AccountOpened{Exponent: 2})
	}
	for range 400 {
		d.Credit(event.MoneyCredited{Amount: 1, Kind: event.KindDeposit}, d.Today())
	}
	return d.Decision()
}
