package account

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"passbook/shared/event"
)

func TestDraftTime(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	for _, c := range []struct {
		name      string
		now, want time.Time
	}{
		{"later than the last entry", later, later},
		{"a clock that went back", noon.Add(-time.Hour), noon},
		{"in another zone, with nanoseconds", later.In(zone).Add(999), later},
	} {
		if d := NewDraft(given(), c.now); d.Now != c.want {
			t.Errorf("%s: %v, want %v", c.name, d.Now, c.want)
		}
	}
	d := NewDraft(given(), time.Date(2026, 11, 22, 0, 30, 0, 0, zone))
	if d.Today() != date(noon) {
		t.Errorf("today is %v, want the date in UTC", d.Today())
	}
}

func TestDraftNumbersAndFoldsAsItGoes(t *testing.T) {
	d := NewDraft(given(), later)
	d.ReleaseExpired()
	d.Credit(event.MoneyCredited{Amount: 5, Kind: event.KindDeposit}, d.ValueDate("2026-11-20", Window{Back: 1}))
	s := given()
	for i, e := range d.Decision().Events {
		if e.Version != s.Version+1 || e.RecordedAt != later || e.Currency != "EUR" || e.Schema != 1 || len(e.Data) == 0 {
			t.Errorf("event %d: %+v", i, e)
		}
		next, err := Fold(s, e)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	if !reflect.DeepEqual(s, d.State) {
		t.Errorf("%+v, want %+v", d.State, s)
	}
	if len(d.Events) != 2 || d.Events[0].EffectiveAt != date(later) || d.Events[1].EffectiveAt != time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) {
		t.Errorf("%+v", d.Events)
	}
}

// A value date is counted in whole days of the bank's calendar, UTC, from the day of the decision.
func TestValueDateWindow(t *testing.T) {
	for _, c := range []struct {
		effectiveAt string
		window      Window
		ok          bool
	}{
		{"", Window{}, true}, {"2026-11-21", Window{}, true}, {"2026-11-20", Window{}, false}, {"2026-11-22", Window{}, false},
		{"2026-11-20", Window{Back: 1}, true}, {"2026-11-22", Window{Back: 1}, false}, {"2026-11-22", Window{Ahead: 1}, true},
		{"2016-11-21", Window{Back: 3653}, true}, {"2016-11-20", Window{Back: 3653}, true}, {"2016-11-19", Window{Back: 3653}, false},
		{"1970-01-01", Window{Back: 3653}, false}, {"9999-12-31", Window{Ahead: 3653}, false},
	} {
		d := NewDraft(given(), later)
		d.ValueDate(c.effectiveAt, c.window)
		got := d.Decision().Rejection
		form := "a date from " + later.AddDate(0, 0, -c.window.Back).Format(time.DateOnly) + " to " + later.AddDate(0, 0, c.window.Ahead).Format(time.DateOnly)
		want := map[string]any{"errors": []FieldError{{"/effective_at", FieldOutOfRange, Expected(form)}}}
		if c.ok != (got == nil) || got != nil && (got.Code != CodeDateOutOfRange || !reflect.DeepEqual(got.Details, want)) {
			t.Errorf("%s in %+v: %+v", c.effectiveAt, c.window, got)
		}
	}
}

// A rejection drops the emitted events, the first rejection counts, and nothing follows it.
func TestDraftRejects(t *testing.T) {
	d := NewDraft(given(), later)
	d.ReleaseExpired()
	if d.Reject("first", map[string]any{"x": 1}) {
		t.Error("Reject gave true")
	}
	d.Reject("second", nil)
	d.Credit(event.MoneyCredited{Amount: 5, Kind: event.KindDeposit}, d.Today())
	want := Decision{Rejection: &Rejection{Code: "first", Details: map[string]any{"x": 1}}}
	if got := d.Decision(); !reflect.DeepEqual(got, want) || len(d.Events) != 1 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEmitPanicsOnWhatCannotFollow(t *testing.T) {
	defer func() {
		if cause, _ := recover().(string); !strings.Contains(cause, "HoldReleased v5") {
			t.Errorf("recovered %q", cause)
		}
	}()
	NewDraft(given(), later).Emit(event.HoldReleased{HoldID: "h2", Amount: 1, Reason: event.ReasonVoid}, date(later))
}

func TestSyntax(t *testing.T) {
	long := strings.Repeat("a", 256)
	for _, c := range []struct {
		name      string
		valid     func(string) bool
		good, bad []string
	}{
		{"account id", ValidAccountID, []string{"A", "a.b_c-D", "0", long[:64]}, []string{"", ".a", "-a", "_a", "a b", "a#", "a/b", long[:65], "é"}},
		{"code", ValidCode, []string{"court-order"}, []string{"", "court order"}},
		{"currency", ValidCurrency, []string{"EUR", "QQQ"}, []string{"", "EU", "EURO", "eur", "E1R"}},
		{"name", ValidName, []string{"a", "desk 4: é", long[:64]}, []string{"", "a\n", "\x7f", "\xff", long[:65], "\u0085"}},
		{"key", ValidKey, []string{"a", " ~", long[:255]}, []string{"", "a\n", "\x7f", "é", long}},
	} {
		for _, s := range c.good {
			if !c.valid(s) {
				t.Errorf("%s: %q is refused", c.name, s)
			}
		}
		for _, s := range c.bad {
			if c.valid(s) {
				t.Errorf("%s: %q is accepted", c.name, s)
			}
		}
	}
}

// The id is stored with everything that names the account, so it never changes.
func TestMakeID(t *testing.T) {
	id := MakeID("main", "key-1")
	if id != "omwq5grimne7hrp6adlnyiskis" || !ValidAccountID(id) {
		t.Errorf("%q", id)
	}
	if id == MakeID("main", "key-2") || id == MakeID("mai", "nkey-1") {
		t.Error("two keys make one id")
	}
}

func TestParseDateAndTime(t *testing.T) {
	for s, want := range map[string]string{
		"2026-11-21T08:00:00Z": "2026-11-21T08:00:00Z", "2026-11-21T08:00:00.1234567+02:00": "2026-11-21T06:00:00.123456Z",
		"1970-01-01T00:00:00Z": "1970-01-01T00:00:00Z", "": "", "2026-11-21": "", "2026-11-21T08:00:00": "", "2026-02-30T08:00:00Z": "",
		"1969-12-31T23:59:59Z": "", "1970-01-01T00:00:00+01:00": "", "9999-12-31T23:59:59-01:00": "", "0001-01-01T00:00:00Z": "", "now": "",
	} {
		at, ok := ParseTime(s)
		if ok != (want != "") || ok && at.Format(time.RFC3339Nano) != want {
			t.Errorf("time %q: %v, %v, want %q", s, at, ok, want)
		}
	}
	for s, want := range map[string]bool{
		"2026-11-21": true, "2024-02-29": true, "1970-01-01": true, "9999-12-31": true, "": false, "2026-2-1": false, "2025-02-29": false,
		"1969-12-31": false, "2026-11-21T00:00:00Z": false, "20261121": false,
	} {
		at, ok := ParseDate(s)
		if ok != want || ok && at.Format(time.DateOnly) != s {
			t.Errorf("date %q: %v, %v", s, at, ok)
		}
	}
}
