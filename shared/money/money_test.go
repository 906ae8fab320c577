package money

import (
	"math"
	"testing"
)

func TestAddAndSub(t *testing.T) {
	for _, c := range []struct {
		a, b, sum int64
		ok        bool
	}{
		{1, 2, 3, true}, {Max, 0, Max, true}, {Max, -Max, 0, true}, {-Max, 0, -Max, true}, {Max, 1, 0, false}, {-Max, -1, 0, false},
		{math.MaxInt64, math.MaxInt64, 0, false}, {math.MinInt64, 1, 0, false}, {1, math.MinInt64, 0, false},
	} {
		if sum, ok := Add(c.a, c.b); ok != c.ok || ok && sum != c.sum {
			t.Errorf("%d + %d = %d, %v", c.a, c.b, sum, ok)
		}
		if c.b == math.MinInt64 {
			continue
		}
		if difference, ok := Sub(c.a, -c.b); ok != c.ok || ok && difference != c.sum {
			t.Errorf("%d - %d = %d, %v", c.a, -c.b, difference, ok)
		}
	}
	if _, ok := Sub(0, math.MinInt64); ok {
		t.Error("0 less the least int64 is in range")
	}
}

func TestRanges(t *testing.T) {
	for v, want := range map[int64][2]bool{
		0: {false, true}, 1: {true, true}, -1: {false, true}, Max: {true, true}, -Max: {false, true}, Max + 1: {}, -Max - 1: {},
		math.MinInt64: {}, math.MaxInt64: {},
	} {
		if got := [2]bool{Amount(v), Balance(v)}; got != want {
			t.Errorf("%d: amount, balance %v, want %v", v, got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		amount int64
		code   string
		want   string
	}{
		{12550, "EUR", "125.50 EUR"}, {0, "EUR", "0.00 EUR"}, {5, "EUR", "0.05 EUR"}, {-5, "EUR", "-0.05 EUR"}, {-12550, "EUR", "-125.50 EUR"},
		{100, "EUR", "1.00 EUR"}, {12550, "JPY", "12550 JPY"}, {0, "JPY", "0 JPY"}, {1, "KWD", "0.001 KWD"}, {Max, "EUR", "90071992547409.91 EUR"},
		{math.MinInt64, "JPY", "-9223372036854775808 JPY"}, {7, "???", "7 ???"},
	} {
		if got := Format(c.amount, c.code); got != c.want {
			t.Errorf("%d %s: %s, want %s", c.amount, c.code, got, c.want)
		}
	}
}

func TestCurrencies(t *testing.T) {
	for code, want := range map[string]int{
		"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "XOF": 0, "KWD": 3, "BHD": 3, "TND": 3, "IQD": 3,
		"HUF": 2, "IDR": 2, "ALL": 2, "COP": 2, "MRU": 2, "VES": 2, "SLE": 2, "ZWG": 2, "XCG": 2,
	} {
		if got, ok := Exponent(code); !ok || got != want || !Supported(code) {
			t.Errorf("%s: %d, %v, want %d", code, got, ok, want)
		}
	}
	for _, code := range []string{
		"", "EU", "EURO", "eur", "Eur", "DEM", "FRF", "ITL", "XXX", "XTS", "XAU", "XAG", "XDR", "CHE", "CLF", "USN", "BGN", "HRK", "VEF", "ANG", "ZWL", "BTC",
		"QQQ", "\xff\xff\xff",
	} {
		if got, ok := Exponent(code); ok || got != 0 || Supported(code) {
			t.Errorf("%q is tender, exponent %d", code, got)
		}
	}
}

// The exponents of ISO 4217 that are not 2; every other currency's is. A new version of the library
// that says otherwise is to be looked at, as stored amounts are in these units.
func TestExponentsAreThoseOfISO4217(t *testing.T) {
	others := map[string]int{
		"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0,
		"XAF": 0, "XOF": 0, "XPF": 0, "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	}
	for code, exponent := range tender() {
		want, ok := others[code]
		if !ok {
			want = 2
		}
		if exponent != want {
			t.Errorf("%s: %d, want %d", code, exponent, want)
		}
		delete(others, code)
	}
	if len(others) > 0 {
		t.Errorf("not tender: %v", others)
	}
	if n := len(tender()); n < 140 || n > 180 {
		t.Errorf("%d currencies", n)
	}
}
