package accounts

import (
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/console/view"
	"passbook/shared/money"
)

func TestAmountsAreReadAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct {
		text, currency string
		minor          int64
	}{
		{"25", "EUR", 2500}, {"25.5", "EUR", 2550}, {"25.50", "EUR", 2550}, {"1,250.00", "EUR", 125000}, {"1,234,567.89", "EUR", 123456789},
		{"1,250", "JPY", 1250}, {"0.001", "BHD", 1}, {"90071992547409.91", "EUR", money.Max},
	} {
		if got, err := parseAmount(c.text, c.currency); err != nil || got != c.minor {
			t.Errorf("%s %s is %d, %v; want %d", c.text, c.currency, got, err, c.minor)
		}
	}
	for _, c := range [][2]string{
		{"1,250", "EUR"}, {"25,00", "EUR"}, {"1,25.00", "EUR"}, {"12,3456.00", "EUR"}, {",250.00", "EUR"}, {"25.", "EUR"}, {"25.001", "EUR"}, {"1.5", "JPY"},
		{"-25", "EUR"}, {"+25", "EUR"}, {"2e3", "EUR"}, {"", "EUR"}, {".5.5", "EUR"}, {"٢٥", "EUR"}, {"25", "XXQ"}, {"25", ""}, {"90071992547409.92", "EUR"}, {"99999999999999999999", "EUR"},
	} {
		if got, err := parseAmount(c[0], c[1]); err == nil {
			t.Errorf("%q %s was read as %d", c[0], c[1], got)
		}
	}
}

func TestShownAmountsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(0, money.Max).Draw(t, "minor")
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "BHD", "CHF"}).Draw(t, "currency")
		shown := view.Amount(minor, currency)
		if got, err := parseAmount(shown, currency); err != nil || got != minor {
			t.Fatalf("%s %s is %d, %v; want %d", shown, currency, got, err, minor)
		}
	})
}
