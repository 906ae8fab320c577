package account

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestAnEventIsALineOfABankBook(t *testing.T) {
	for _, c := range []struct {
		kind, data, hold string
		amount           int64
		what             string
		in, out, no      int64
	}{
		{"MoneyCredited", `{"amount":250000,"kind":"deposit","reference":"salary"}`, "", 250000, "Deposit · salary", 250000, 0, 0},
		{"MoneyWithdrawn", `{"amount":2500,"kind":"card","hold_id":"h4"}`, "", 2500, "Card · from hold h4", 0, 2500, 0},
		{"MoneyWithdrawn", `{"amount":2500,"kind":"transfer_out","contra":"B-1:7"}`, "", 2500, "Transfer to B-1", 0, 2500, 0},
		{"MoneyCredited", `{"amount":2500,"kind":"transfer_in","contra":"A-1:7","reference":{"enc":"k:x"}}`, "", 2500, "Transfer from A-1 · (sealed)", 2500, 0, 0},
		{"WithdrawalDeclined", `{"op":"withdraw","amount":4000,"shortfall":1420}`, "", 0, "Withdrawal declined · short 14.20", 0, 0, 4000},
		{"TransactionReversed", `{"amount":60,"direction":"credit","original_transaction_id":"t4","reason":"duplicate"}`, "", 60, "Reversal of t4 · duplicate", 60, 0, 0},
		{"TransactionReversed", `{"amount":60,"direction":"debit","original_transaction_id":"t4"}`, "", 60, "Reversal of t4", 0, 60, 0},
		{"HoldPlaced", `{"amount":9000,"reference":"hotel"}`, "h3", 9000, "Hold h3 placed · 90.00 · hotel", 0, 0, 0},
		{"CreditLimitChanged", `{"before":0,"after":100000}`, "", 0, "Limit 0.00 → 1,000.00", 0, 0, 0},
	} {
		e := event{Type: c.kind, Data: json.RawMessage(c.data), Amount: c.amount, HoldID: c.hold, Currency: "EUR", EffectiveAt: "2026-03-04"}
		if e.What() != c.what || e.In() != c.in || e.Out() != c.out || e.Declined() != c.no || e.Month() != "March 2026" {
			t.Errorf("%s %s: %q, in %d, out %d, declined %d, %s", c.kind, c.data, e.What(), e.In(), e.Out(), e.Declined(), e.Month())
		}
	}
}

func TestTheLineOfCreditIsDivided(t *testing.T) {
	for _, c := range []struct{ posted, held, limit, drawn, reserved, free, over int64 }{
		{1000, 200, 500, 0, 0, 500, 0}, {-100, 200, 500, 100, 200, 200, 0}, {100, 300, 500, 0, 200, 300, 0}, {-400, 200, 500, 400, 200, 0, 100},
	} {
		b := balance{Posted: c.posted, Held: c.held, Limit: c.limit}
		if b.Drawn() != c.drawn || b.Reserved() != c.reserved || b.Free() != c.free || b.Over() != c.over {
			t.Errorf("%+v: drawn %d, reserved %d, free %d, over %d", c, b.Drawn(), b.Reserved(), b.Free(), b.Over())
		}
	}
}

func TestAChartStepsAfterEachVersion(t *testing.T) {
	s := series{From: 1, To: 4, Step: 1, Versions: []int64{1, 2, 3, 4}, Times: []string{"a", "b", "c", "d"},
		Posted: column{Last: []int64{0, 100, -100, 100}}, Available: column{Last: []int64{0, 100, -100, 100}}, Limit: column{Last: []int64{0, 0, 0, 0}}}
	c := &chart{Currency: "EUR"}
	c.draw(s, balance{Version: 2, Posted: 100})
	if c.Posted != "M0 120H2500V10H5000V230H7500V10H10000" || c.Below != "M5000 120V230H7500V120Z" {
		t.Errorf("posted %s, below %s", c.Posted, c.Below)
	}
	if c.Marker == nil || c.Marker.X != 5000 || c.Marker.Y != 10 || c.Zero != 120 {
		t.Errorf("marker %+v, zero %g", c.Marker, c.Zero)
	}
	thinned := series{From: 1, To: 4, Step: 4, Versions: []int64{4}, Times: []string{"d"},
		Posted: column{[]int64{100}, []int64{-100}, []int64{100}}, Available: column{[]int64{100}, []int64{-100}, []int64{100}}, Limit: column{Last: []int64{0}}}
	c.draw(thinned, balance{Version: 4, Posted: 100})
	if c.Posted != "M0 10H0V10V230V10H10000" {
		t.Errorf("a column without its extremes: %s", c.Posted)
	}
	if drawn := string(c.Lines()); strings.Contains(drawn, "style=") || !strings.Contains(drawn, `class="marker"`) {
		t.Errorf("%s", drawn)
	}
}

func TestTicksAreFewAndHaveZero(t *testing.T) {
	for _, c := range [][2]int64{{0, 100}, {-100000, 435000}, {-5000000, 27345598}, {0, 9007199254740991}, {-1, 0}} {
		all := ticks(c[0], c[1], "EUR", func(v int64) float64 { return float64(v) })
		if len(all) < 2 || len(all) > 6 || !slices.ContainsFunc(all, func(t tick) bool { return t.Text == "0" }) {
			t.Errorf("%v: %v", c, all)
		}
	}
}

func TestLabelsKeepApart(t *testing.T) {
	for _, c := range [][3]int64{{0, 0, 0}, {100, 100, 0}, {-100, 0, 100}, {5, 105, 100}} {
		all := labels("EUR", func(v int64) float64 { return 120 - float64(v) }, c[0], c[1], c[2])
		for i := 1; i < len(all); i++ {
			if all[i].Y < all[i-1].Y+16 || all[i].Y > height-4 {
				t.Errorf("%v: %+v", c, all)
			}
		}
	}
}

func TestAmountsAsPeopleTypeThem(t *testing.T) {
	for text, want := range map[string]int64{"25": 2500, "1,250.5": 125050, " 0.01 ": 1, "0": -1, "-1": -1, "1.234": -1, "": -1, "9e9": -1, "99999999999999999999": -1} {
		minor, ok := minorUnits(text, "EUR")
		if ok != (want > 0) || ok && minor != want {
			t.Errorf("%q: %d %v, want %d", text, minor, ok, want)
		}
	}
	if minor, ok := minorUnits("25", "JPY"); !ok || minor != 25 {
		t.Errorf("yen: %d %v", minor, ok)
	}
}

func TestTimesOfAFormAreUTCToTheirEnd(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-04T10:22": "2026-03-04T10:22:59.999999Z", "2026-03-04T10:22:01": "2026-03-04T10:22:01.999999Z", "2026-03-04T10:22:01.004Z": "2026-03-04T10:22:01.004Z",
	} {
		if got := instant(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestAPlaceIsItsAddress(t *testing.T) {
	p := place{id: "A-1", tab: "holds", version: "7", from: "2", to: "9", before: "5"}
	if p.href() != "/ui/accounts/A-1?before=5&from=2&tab=holds&to=9&version=7" || p.moment(0).href() != "/ui/accounts/A-1?from=2&tab=holds&to=9" {
		t.Errorf("%s, %s", p.href(), p.moment(0).href())
	}
	if from, to := window(p, 8); from != 2 || to != 8 {
		t.Errorf("a window beyond the newest version: %d to %d", from, to)
	}
	if from, to := window(place{from: "5", to: "4"}, 8); from != 5 || to != 8 {
		t.Errorf("a window that ends before it begins: %d to %d", from, to)
	}
}

// Axis and labels have room for any amount.
func TestAmountsOfTheChartAreShort(t *testing.T) {
	for _, c := range []struct {
		minor       int64
		currency    string
		tick, label string
	}{
		{0, "EUR", "0", "0.00"},
		{-50_000, "EUR", "−500", "−500.00"},
		{99_999_950, "EUR", "999,999.50", "999,999.50"},
		{250_000_000, "EUR", "2.5 M", "2,500,000.00"},
		{123_456_789_01, "EUR", "123.456 M", "123.456 M"},
		{-2_000_000_000_000, "JPY", "−2 tn", "−2 tn"},
		{9_007_199_254_740_991, "JPY", "9007.199 tn", "9007.199 tn"},
		{9_007_199_254_740_991, "KWD", "9.007 tn", "9.007 tn"},
	} {
		if tick, label := tickText(c.minor, c.currency), labelText(c.minor, c.currency); tick != c.tick || label != c.label {
			t.Errorf("%d %s: %q and %q, want %q and %q", c.minor, c.currency, tick, label, c.tick, c.label)
		}
	}
}
