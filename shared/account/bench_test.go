package account

import (
	"fmt"
	"testing"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
)

// history returns an account's records: deposits, withdrawals and declines, one event each.
func history(b *testing.B, n int) [][]byte {
	b.Helper()
	var s State
	var prev event.Hash
	records := make([][]byte, n)
	for i := range records {
		d := NewDraft(s, noon)
		switch {
		case i == 0:
			d.Open("EUR", event.AccountOpened{HolderRef: "holder-1", Exponent: 2})
		case i%3 == 1:
			d.Credit(event.MoneyCredited{Amount: 2500, Kind: event.KindDeposit, Reference: event.Text{Plain: "salary"}}, d.Today())
		default:
			d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: 1700, Kind: event.KindCash, Reference: event.Text{Plain: "ATM 17"}}, d.Today())
		}
		version := d.State.Version
		entry := &event.Entry{
			Format: event.Format, Tenant: "main", AccountID: "A-0001", First: version, Last: version, Currency: "EUR", RecordedAt: d.Now,
			Prev: prev, Events: d.Events, Commands: []event.Command{{
				Key: fmt.Sprintf("key-%036d", i), Request: "AAAAAAAAAAAAAAAAAAAAAA", CorrelationID: "019aa5e0-5b7d-7c11-9d50-0d5c1b3c2f11",
				Actor: event.Text{Plain: "withdraw"}, First: version, Last: version, Status: 201,
			}},
		}
		enc, err := event.Seal(entry, eventtest.Keys)
		if err != nil {
			b.Fatal(err)
		}
		records[i], s, prev = enc.Record, d.State, entry.Hash
	}
	return records
}

func BenchmarkDecodeFold(b *testing.B) {
	records := history(b, 1000)
	b.ReportAllocs()
	b.ResetTimer()
	var s State
	for i := range b.N {
		if i%len(records) == 0 {
			s = State{}
		}
		entry, err := event.DecodeRecord(records[i%len(records)])
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range entry.Events {
			if s, err = Fold(s, e); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkState(b *testing.B) {
	s := given()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseState(AppendState(nil, s)); err != nil {
			b.Fatal(err)
		}
	}
}
