package jobs

import (
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/segment"
)

// The states of all accounts at a time are those of their last entries up to it.
func TestStatesAreThoseOfTheTime(t *testing.T) {
	b := openBank(t)
	entries := archivetest.Bank(3, 3, 200)
	if err := b.CreateStream(t.Context(), b.Config.Stream("events")); err != nil {
		t.Fatal(err)
	}
	w := segment.NewWriter(segment.Format, "bank-1", segment.Source{Stream: b.Config.Stream("events"), Created: archivetest.Start, Shard: "shardId-000000000000"}, segment.Link{})
	for _, r := range archivetest.Records(entries) {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err == nil {
		err = b.Bucket.Create(t.Context(), sealed.Key, sealed.Data)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := entries[len(entries)/2].RecordedAt
	last := map[event.Account]*event.Entry{}
	for _, e := range entries {
		if !e.RecordedAt.After(at) {
			last[e.Account()] = e
		}
	}
	found, err := b.states(t.Context(), StatesParams{Time: at}, progress.New())
	if found == nil || found.Accounts != int64(len(last)) || len(found.List) != len(last) || len(last) == 0 {
		t.Fatalf("%+v, %v; want %d accounts", found, err, len(last))
	}
	sums := map[string]int64{}
	for _, s := range found.List {
		e := last[event.Account{Tenant: s.Tenant, ID: s.AccountID}]
		if e == nil || s.Version != e.Last || s.Posted != e.Events[len(e.Events)-1].After.Posted {
			t.Errorf("%+v, not of %+v", s, e)
		}
		sums[s.Currency] += s.Posted
	}
	for currency, sum := range sums {
		if got := found.Posted[currency]; got == nil || got.Int64() != sum {
			t.Errorf("%s: %v, not %d", currency, got, sum)
		}
	}
	if none, err := b.states(t.Context(), StatesParams{Time: at, OfTenant: OfTenant{Tenant: "north"}}, progress.New()); err != nil && none.Accounts != 0 {
		t.Errorf("another tenant: %+v %v", none, err)
	}
}
