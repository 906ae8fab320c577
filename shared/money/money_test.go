package money

import (
	"math"
	"strings"
	"testing"

	"github.com/bojanz/currency"
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
		if got, ok := Exponent(code); !ok || got != want {
			t.Errorf("%s: %d, %v, want %d", code, got, ok, want)
		}
	}
	for _, code := range []string{
		"", "EU", "EURO", "eur", "Eur", "DEM", "FRF", "ITL", "XXX", "XTS", "XAU", "XAG", "XDR", "CHE", "CLF", "USN", "BGN", "HRK", "VEF", "ANG", "ZWL", "BTC",
		"QQQ", "\xff\xff\xff",
	} {
		if got, ok := Exponent(code); ok || got != 0 {
			t.Errorf("%q is tender, exponent %d", code, got)
		}
	}
}

// inUse lists all currencies in which an account can be kept, by exponent. Stored amounts are in
// these units: check a new version of the library that says otherwise.
var inUse = map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD " +
		"CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD " +
		"GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL " +
		"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN " +
		"PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL " +
		"THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG",
	3: "BHD IQD JOD KWD LYD OMR TND",
}

func TestCurrenciesInUseAreThoseOfISO4217(t *testing.T) {
	want := map[string]int{}
	for exponent, codes := range inUse {
		for _, code := range strings.Fields(codes) {
			want[code] = exponent
			if got, ok := Exponent(code); !ok || got != exponent {
				t.Errorf("%s: %d, %v, want %d", code, got, ok, exponent)
			}
		}
	}
	for _, code := range currency.GetCurrencyCodes() {
		exponent, ok := Exponent(code)
		if _, listed := want[code]; ok != listed || ok && exponent != want[code] {
			t.Errorf("%s: exponent %d, in use %v", code, exponent, ok)
		}
	}
	if len(want) != 153 {
		t.Errorf("%d currencies in use", len(want))
	}
}
