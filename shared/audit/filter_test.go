package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"testing"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/keyindex"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestFilterThatLacksAKeyOfItsPagesDoesNotFit(t *testing.T) {
	tbl, a := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table.Table, event.Account{Tenant: "main", ID: "A-0"}
	pages := keyindex.Store{Table: tbl, Name: journal.Table, Entries: func(context.Context, event.Account, int64, int64) iter.Seq2[*event.Entry, error] {
		return func(func(*event.Entry, error) bool) {}
	}}
	for i := range int64(keyindex.FilterPages + 1) {
		sum := sha256.Sum256(fmt.Append(nil, i))
		p := keyindex.Page{Number: i, Keys: append(sum[:pageKeyHash:pageKeyHash], 0, 0, 0, 1), At: time.Unix(1_800_000_000+i, 0).UTC()}
		if err := pages.Save(t.Context(), a, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := pages.MakeFilter(t.Context(), keyindex.Wanted{Account: a}); err != nil {
		t.Fatal(err)
	}
	row, err := tbl.Get(t.Context(), journal.Table, keyindex.FilterKey(a, 0), true)
	if err != nil {
		t.Fatal(err)
	}
	s := &accountAudit{auditor: &auditor{config: Config{Table: tbl}}, account: a}
	bits, times := row.Attrs.Bytes("bits"), row.Attrs.Bytes("times")
	fits := func(number int64, bits, times []byte) bool {
		row := table.Row{Key: row.Key, Attrs: table.Map{"bits": table.B(bits), "times": table.B(times)}}
		ok, err := s.filterFits(t.Context(), number, row)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !fits(0, bits, times) {
		t.Error("the filter does not fit")
	}
	late := append([]byte(nil), times...)
	late[7]++
	if fits(0, make([]byte, len(bits)), times) || fits(0, bits, late) || fits(1, bits, times) || fits(0, bits, times[8:]) {
		t.Error("a filter fits that lacks a key, has another time or number, or is damaged")
	}
	if err := tbl.Delete(t.Context(), journal.Table, keyindex.PageKey(a, 7), table.Equals("pk", table.S(a.String()))); err != nil {
		t.Fatal(err)
	}
	if fits(0, make([]byte, len(bits)), times) || fits(0, bits, times) {
		t.Error("a filter fits one of whose pages is gone")
	}
}
