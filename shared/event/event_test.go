package event

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseID(t *testing.T) {
	for id, want := range map[string]int64{
		"t1": 1, "t999999999999": 999999999999, "t": 0, "": 0, "t0": 0, "t01": 0, "h1": 0, "1": 0, "t-1": 0, "t+1": 0, "t1 ": 0,
		"t1x": 0, "T1": 0, "t9999999999999": 0, "t１": 0,
	} {
		version, ok := ParseID('t', id)
		if ok != (want > 0) || ok && version != want {
			t.Errorf("%q: %d, %v", id, version, ok)
		}
		if ok && TransactionID(version) != id {
			t.Errorf("%q: written %q", id, TransactionID(version))
		}
	}
	if version, ok := ParseID('h', HoldID(17)); version != 17 || !ok {
		t.Errorf("h17: %d, %v", version, ok)
	}
}

func TestIDsAndAmountsOfEvents(t *testing.T) {
	type ids struct {
		amount            int64
		transaction, hold string
	}
	want := map[string]ids{
		typeCredited:  {250000, "t9", ""},
		typeWithdrawn: {2500, "t9", "h5"},
		typePlaced:    {4200, "", "h9"},
		typeCaptured:  {4000, "", "h5"},
		typeReleased:  {200, "", "h5"},
		typeReversed:  {250000, "t9", ""},
	}
	for _, b := range full() {
		v := New(b)
		v.Version = 9
		if got := (ids{v.Amount(), v.TransactionID(), v.HoldID()}); got != want[b.Type()] {
			t.Errorf("%s: %+v, want %+v", b.Type(), got, want[b.Type()])
		}
	}
}

func TestCausation(t *testing.T) {
	e := entryOf(20, []Body{
		HoldReleased{HoldID: "h3", Amount: 1, Reason: ReasonExpired},
		CreditLimitChanged{Before: 5, ExpiredVersion: 4, Forced: true},
		HoldReleased{HoldID: "h3", Amount: 1, Reason: ReasonCaptureRemainder},
		CreditLimitChanged{After: 5},
		MoneyCredited{Amount: 1, Kind: KindTransferIn, Contra: "B-2:9"},
		MoneyWithdrawn{Amount: 1, Kind: KindTransferOut, Contra: "B-2:9", FromOwn: 1},
	})
	key := e.Commands[0].Key
	keyed := []string{"A-1:3", "A-1:4", key, key, key, key}
	keyless := []string{"A-1:3", "A-1:4", "", "", "B-2:9", ""}
	for i, v := range e.Events {
		e.Commands[0].Key = key
		if got := e.Causation(v); got != keyed[i] {
			t.Errorf("event %d with a key: %q, want %q", i, got, keyed[i])
		}
		e.Commands[0].Key = ""
		if got := e.Causation(v); got != keyless[i] {
			t.Errorf("event %d without: %q, want %q", i, got, keyless[i])
		}
	}
}

func TestEventsOf(t *testing.T) {
	e := goldenEntry()
	var got []Event
	for _, m := range e.Commands {
		got = append(got, e.EventsOf(m)...)
	}
	if !reflect.DeepEqual(got, e.Events) || len(e.EventsOf(e.Commands[1])) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTextJSON(t *testing.T) {
	for _, want := range []Text{{}, {Plain: "a \"b\" <c>\n"}, {Sealed: "k1:eHg="}} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Text
		if err := json.Unmarshal(data, &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
	for _, bad := range []string{`7`, `[]`, `{}`, `{"enc":""}`, `{"enc":7}`, `{"enc":"x","y":"z"}`, `{"dec":"x"}`} {
		if err := json.Unmarshal([]byte(bad), new(Text)); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

func TestHashText(t *testing.T) {
	want := single()
	seal(t, want)
	got, err := ParseHash(want.Hash.String())
	if err != nil || got != want.Hash {
		t.Errorf("%v, %v", got, err)
	}
	text := want.Hash.String()
	for _, bad := range []string{"", text[1:], text + "A", text[:42] + "=", text[:42] + "B", text[:20] + "\n" + text[20:], text[:20] + "\n" + text[21:]} {
		if _, err := ParseHash(bad); err == nil && bad != text {
			t.Errorf("accepted %q", bad)
		}
	}
}

// withOlder makes schema 2 the newest of MoneyCredited for a test, and schema 1 one that called the
// amount a sum.
func withOlder(t *testing.T, up func([]byte) ([]byte, error)) {
	t.Helper()
	shape := dataShape{typeCredited, 1}
	newest[typeCredited] = 2
	if up != nil {
		upcasters[shape] = up
	}
	t.Cleanup(func() {
		newest[typeCredited] = 1
		delete(upcasters, shape)
	})
}

func fromSum(data []byte) ([]byte, error) {
	var old struct{ Sum int64 }
	if err := json.Unmarshal(data, &old); err != nil {
		return nil, err
	}
	return New(MoneyCredited{Amount: old.Sum, Kind: KindDeposit}).Data, nil
}

func TestOlderSchemaIsUpcastAndCarriedAsItCame(t *testing.T) {
	withOlder(t, fromSum)
	const old = `{"sum":77, "note":"a \"quoted\" } brace"}`
	e := entryOf(3, []Body{MoneyCredited{Amount: 1, Kind: KindDeposit}, AccountUnfrozen{}})
	e.Events[0].Schema, e.Events[0].Data = 1, []byte(old)
	record := seal(t, e).Record
	if !strings.Contains(string(record), `"schema":1,`) || !strings.Contains(string(record), `"data":`+old+`}`) {
		t.Fatalf("the data is not carried as it came: %s", record)
	}
	got, err := DecodeRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	v := got.Events[0]
	if want := (MoneyCredited{Amount: 77, Kind: KindDeposit}); v.Body != want || v.Schema != 1 || string(v.Data) != old {
		t.Errorf("read %+v, data %s", v, v.Data)
	}
	if again := seal(t, got).Record; string(again) != string(record) {
		t.Errorf("sealed again: %s", again)
	}
	if b, err := ParseBody(typeCredited, 1, []byte(old)); err != nil || b != v.Body {
		t.Errorf("ParseBody: %+v, %v", b, err)
	}
}

func TestUpcastFails(t *testing.T) {
	broken := errors.New("broken")
	for name, up := range map[string]func([]byte) ([]byte, error){
		"no upcaster":             nil,
		"upcaster that fails":     func([]byte) ([]byte, error) { return nil, broken },
		"upcaster to other bytes": func([]byte) ([]byte, error) { return []byte(`{"sum":1}`), nil },
	} {
		t.Run(name, func(t *testing.T) {
			withOlder(t, up)
			if b, err := ParseBody(typeCredited, 1, []byte(`{"sum":1}`)); err == nil {
				t.Errorf("read %+v", b)
			}
		})
	}
}

func TestOlderDataMustBeAnObject(t *testing.T) {
	withOlder(t, fromSum)
	for _, bad := range []string{``, `7`, `[]`, `"x"`, `{`, `{"sum":1`, `{"sum":}`, "{\"sum\":1,\"x\":\"\xff\"}", `{}}`} {
		e := entryOf(3, []Body{MoneyCredited{Amount: 1, Kind: KindDeposit}})
		e.Events[0].Schema, e.Events[0].Data = 1, []byte(bad)
		if enc, err := Seal(e, testKeys); err == nil {
			t.Errorf("sealed %s", enc.Record)
		}
	}
}

func TestParseBodyRefuses(t *testing.T) {
	for _, c := range []struct {
		typ    string
		schema int
		data   string
	}{
		{"HoldMoved", 1, `{}`}, {typeUnfrozen, 2, `{}`}, {typeUnfrozen, 0, `{}`}, {typeUnfrozen, 1, ``}, {typeUnfrozen, 1, `{} `},
		{typeUnfrozen, 1, `{}{}`}, {typeUnfrozen, 1, `null`}, {typeCredited, 1, `{}`}, {typeUnfrozen, 1, `{"reason_code":""}`},
	} {
		if b, err := ParseBody(c.typ, c.schema, []byte(c.data)); err == nil {
			t.Errorf("%s schema %d %s: read %+v", c.typ, c.schema, c.data, b)
		}
	}
}

// The rules between the fields of one body, and the ends of its ranges.
func TestBodiesRefuse(t *testing.T) {
	for _, c := range []struct{ typ, data, field string }{
		{typeOpened, `{"exponent":5,"credit_limit":0}`, "exponent"},
		{typeOpened, `{"exponent":2,"credit_limit":-1}`, "credit_limit"},
		{typeWithdrawn, `{"amount":5,"kind":"cash","from_own":-1,"from_credit":6}`, "from_own"},
		{typeWithdrawn, `{"amount":5,"kind":"cash","from_own":6,"from_credit":-1}`, "from_credit"},
		{typeWithdrawn, `{"amount":5,"kind":"card","hold_id":"5","from_own":5,"from_credit":0}`, "hold_id"},
		{typeDeclined, `{"op":"withdraw","amount":5,"reason":"insufficient-funds","available":3,"limit":0,"shortfall":3}`, "shortfall"},
		{typeDeclined, `{"op":"withdraw","amount":5,"reason":"insufficient-funds","available":5,"limit":0,"shortfall":0}`, "shortfall"},
		{typeDeclined, `{"op":"credit","amount":5,"reason":"insufficient-funds","available":3,"limit":0,"shortfall":2}`, "op"},
		{typeDeclined, `{"op":"hold","amount":5,"reason":"fraud","available":3,"limit":0,"shortfall":2}`, "reason"},
		{typeReleased, `{"hold_id":"h1","amount":5,"reason":"tired"}`, "reason"},
		{typeReversed, `{"original_transaction_id":"h1","direction":"debit","amount":5,"forced":false}`, "original_transaction_id"},
		{typeReversed, `{"original_transaction_id":"t1","direction":"left","amount":5,"forced":false}`, "direction"},
		{typeLimitChanged, `{"before":5,"after":0,"expires_at":"2027-01-31T23:59:59.999999Z","forced":false}`, "expires_at"},
		{typeLimitChanged, `{"before":5,"after":9007199254740992,"forced":false}`, "after"},
		{typeFrozen, `{"scope":"credits"}`, "scope"},
	} {
		if b, err := ParseBody(c.typ, 1, []byte(c.data)); err == nil || !strings.Contains(err.Error(), " "+c.field+": ") {
			t.Errorf("%s %s: read %+v, %v, want an error that names %s", c.typ, c.data, b, err, c.field)
		}
	}
}
