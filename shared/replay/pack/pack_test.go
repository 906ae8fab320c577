package pack_test

import (
	"reflect"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/replay/pack"
)

func TestEntryGivesBackWhatAppendWrote(t *testing.T) {
	entries := archivetest.Bank(3, 5, 400)
	entries = append(entries, archivetest.Signed(archivetest.Bank(4, 5, 400))...)
	types := map[string]bool{}
	for _, e := range entries {
		for _, ev := range e.Events {
			types[ev.Body.Type()] = true
		}
		got, err := pack.Entry(e.Account(), pack.Append(nil, e))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("got %+v, want %+v", got, e)
		}
		if err := got.Verify(); err != nil {
			t.Fatal(err)
		}
	}
	if len(types) < 8 {
		t.Errorf("only the types %v", types)
	}
}

// Each field of a record on the stream must come back. A field that is added to an entry is missing
// here until pack knows it.
func TestEveryFieldIsPacked(t *testing.T) {
	body := event.MoneyCredited{Amount: 5, Kind: "deposit", Contra: "cash"}
	ev := event.New(body)
	ev.Version, ev.Command, ev.EffectiveAt = 7, 1, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	ev.After, ev.Currency, ev.RecordedAt = event.After{Posted: -3, Held: 4, Limit: 5}, "EUR", time.Date(2031, 1, 2, 3, 4, 5, 6000, time.UTC)
	e := &event.Entry{
		Format: 2, Tenant: "main", AccountID: "A-1", First: 7, Last: 7, Currency: ev.Currency, RecordedAt: ev.RecordedAt, Prev: event.Hash{1}, Hash: event.Hash{2},
		MAC: event.MAC{Key: 3, Sum: [16]byte{4}}, Events: []event.Event{ev},
		Commands: []event.Command{{
			Key: "k", Request: "r", CorrelationID: "c", Actor: event.Text{Plain: "p", Sealed: "s"}, First: 7, Last: 7, Status: 201,
		}},
	}
	got, err := pack.Entry(e.Account(), pack.Append([]byte{}, e))
	if err != nil || !reflect.DeepEqual(got, e) {
		t.Fatalf("got %+v %v, want %+v", got, err, e)
	}
	notOnTheStream := map[string]bool{"State": true, "Writer": true, "N": true}
	for _, value := range []any{*e, e.MAC, e.Commands[0], e.Commands[0].Actor, e.Events[0], e.Events[0].After} {
		v := reflect.ValueOf(value)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !notOnTheStream[name] {
				t.Errorf("this test leaves %s.%s out", v.Type(), name)
			}
		}
	}
}

func TestEntryRefusesWhatWasCutOff(t *testing.T) {
	e := archivetest.Bank(3, 1, 3)[2]
	data := pack.Append(nil, e)
	for n := range data {
		if _, err := pack.Entry(e.Account(), data[:n:n]); err == nil {
			t.Fatalf("read from %d of %d bytes", n, len(data))
		}
	}
	if _, err := pack.Entry(e.Account(), append(data, 0)); err == nil {
		t.Fatal("read with one byte more")
	}
}
