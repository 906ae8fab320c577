package live

import (
	"fmt"
	"strings"
	"testing"
)

func TestAmountsOfTheFilterAreOfItsCurrency(t *testing.T) {
	for _, c := range []struct {
		above, currency string
		minor           int64
		ok              bool
	}{
		{"", "", 0, true}, {"100", "EUR", 10000, true}, {"100.5", "EUR", 10050, true}, {"100.50", "", 10050, true}, {"100", "JPY", 100, true}, {"1.234", "KWD", 1234, true},
		{"1.234", "EUR", 0, false}, {"1.5", "JPY", 0, false}, {"-1", "EUR", 0, false}, {"x", "EUR", 0, false}, {".5", "EUR", 0, false}, {"0", "EUR", 0, false},
	} {
		if minor, ok := (filter{Above: c.above, Currency: c.currency}).least(); ok != c.ok || ok && minor != c.minor {
			t.Errorf("%s %s: %d %t", c.above, c.currency, minor, ok)
		}
	}
}

func TestAPortionCountsAllAndShowsTheNewest(t *testing.T) {
	var s sampler
	for v := range 40 {
		i, err := itemOf(fmt.Appendf(nil, `{"event_id":"A-1:%[1]d","account_id":"A-1","version":%[1]d,"type":"MoneyWithdrawn","recorded_at":"2026-11-30T08:00:00.000000Z","currency":"EUR","amount":2500,"after":{"posted":-5},"data":{"kind":"<b>"},"cursor":"c%[1]d"}`, v+1))
		if err != nil {
			t.Fatal(err)
		}
		s.take(i)
	}
	var name, id, data string
	if err := s.send(func(n, i, d string) error { name, id, data = n, i, d; return nil }); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(data, "\n")
	if name != "rows" || id != "c40" || lines[0] != "40" || len(lines) != 1+portionRows {
		t.Fatalf("%s %s with %d lines, %s", name, id, len(lines), lines[0])
	}
	for _, want := range []string{`/ui/accounts/A-1/events/40"`, "−25.00", "−0.05", "&lt;b&gt;"} {
		if !strings.Contains(lines[1], want) {
			t.Errorf("no %q in %s", want, lines[1])
		}
	}
	if err := s.send(func(string, string, string) error { t.Error("an empty portion is sent"); return nil }); err != nil {
		t.Error(err)
	}
}

func TestWhatAnEventMoves(t *testing.T) {
	for text, want := range map[string]int64{
		`{"type":"MoneyCredited","amount":5}`: 5, `{"type":"MoneyWithdrawn","amount":5}`: -5, `{"type":"HoldPlaced","amount":5}`: 0,
		`{"type":"TransactionReversed","amount":5,"data":{"direction":"credit"}}`: 5, `{"type":"TransactionReversed","amount":5,"data":{"direction":"debit"}}`: -5,
	} {
		i, err := itemOf([]byte(text))
		if got := i.Moves(); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}
