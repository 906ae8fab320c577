package creditlimit

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

// The counts of the past are those of a fold from version 1, wherever the counter begins.
func TestDeclinesOfThePast(t *testing.T) {
	b := serve(t)
	b.open(0)
	const versions = 3*countEvery + 7
	want := []int64{0, 0}
	for len(want) <= versions {
		b.commit(func(d *account.Draft) {
			for range min(100, versions+1-len(want)) {
				declines := want[len(want)-1]
				if v := len(want); v%7 == 0 || v%11 == 0 {
					declines++
					d.Debit("withdraw", event.MoneyWithdrawn{Amount: 1 << 40, Kind: "cash"}, d.Today())
				} else {
					d.Credit(event.MoneyCredited{Amount: 1, Kind: "deposit"}, d.Today())
				}
				want = append(want, declines)
			}
		})
	}
	of := event.Account{Tenant: access.MainTenant, ID: "A-1"}
	counter := newDeclineCounter(b.journal.Reader, b.store)
	rapid.Check(t, func(t *rapid.T) {
		if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
			counter = newDeclineCounter(b.journal.Reader, b.store)
		}
		version := rapid.Int64Range(1, versions).Draw(t, "version")
		got, err := counter.At(b.t.Context(), of, version)
		if err != nil || got != want[version] {
			t.Fatalf("v%d: %d declines, %v; want %d", version, got, err, want[version])
		}
	})
}

// The past can be counted before the projection has read it.
func TestDeclinesBeforeTheRow(t *testing.T) {
	b := serve(t)
	b.open(0)
	b.withdraw(1)
	other := event.Account{Tenant: access.MainTenant, ID: "A-1"}
	counter := newDeclineCounter(b.journal.Reader, NewStore(storetest.Memory(t, pebblestream.Options{Shards: 1}, append(journal.Schemas[:len(journal.Schemas):len(journal.Schemas)], Schema)...).Table, 0))
	if got, err := counter.At(t.Context(), other, 2); err != nil || got != 1 {
		t.Fatal(fmt.Sprint(got, err))
	}
}
