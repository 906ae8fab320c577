package money

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text  string
		minor int64
		code  string
		says  string // of the refusal; none where empty
	}{
		{"25.00 EUR", 2500, "EUR", ""}, {"25 EUR", 2500, "EUR", ""}, {"25.5 EUR", 2550, "EUR", ""}, {"0.01 EUR", 1, "EUR", ""}, {"-3.20 EUR", -320, "EUR", ""},
		{"25 JPY", 25, "JPY", ""}, {"0.001 KWD", 1, "KWD", ""}, {"1.5 KWD", 1500, "KWD", ""}, {"90071992547409.91 EUR", Max, "EUR", ""}, {" 25.00  EUR ", 2500, "EUR", ""},
		{"0 EUR", 0, "EUR", ""},
		{"25.001 EUR", 0, "", "3 decimals; EUR has 2"}, {"25.5 JPY", 0, "", "JPY has none"}, {"1e3 EUR", 0, "", "plain decimal"}, {"1,000.00 EUR", 0, "", "comma"},
		{"25,00 EUR", 0, "", "comma"}, {"25.00", 0, "", "25.00 EUR"}, {"EUR 25.00", 0, "", "currency"}, {"25.00 eur", 0, "", "capital"}, {"25.00 DEM", 0, "", "currency in use"},
		{".5 EUR", 0, "", "plain decimal"}, {"5. EUR", 0, "", "plain decimal"}, {"+5 EUR", 0, "", "plain decimal"}, {"--5 EUR", 0, "", "plain decimal"}, {"0x10 EUR", 0, "", "plain decimal"},
		{"1_000 EUR", 0, "", "plain decimal"}, {"٥ EUR", 0, "", "plain decimal"}, {"1.2.3 EUR", 0, "", "plain decimal"}, {"NaN EUR", 0, "", "plain decimal"}, {"", 0, "", "25.00 EUR"},
		{"90071992547409.92 EUR", 0, "", "more than 90071992547409.91 EUR"}, {strings.Repeat("9", 400) + " EUR", 0, "", "more than"},
	} {
		minor, code, err := Parse(c.text)
		if c.says != "" {
			if !errors.Is(err, ErrForm) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q: %d %s, %v; want a refusal with %q", c.text, minor, code, err, c.says)
			}
			continue
		}
		if err != nil || minor != c.minor || code != c.code {
			t.Errorf("%q: %d %s, %v; want %d %s", c.text, minor, code, err, c.minor, c.code)
		}
	}
}

func TestParseReadsWhatFormatWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor, code := rapid.Int64Range(-Max, Max).Draw(t, "minor"), rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "code")
		if again, in, err := Parse(Format(minor, code)); err != nil || again != minor || in != code {
			t.Fatalf("%s is read as %d %s, %v; want %d %s", Format(minor, code), again, in, err, minor, code)
		}
	})
}
