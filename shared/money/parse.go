package money

import (
	"errors"
	"fmt"
	"strings"
)

// ErrForm is the cause of every refusal of Parse and ParseDecimal.
var ErrForm = errors.New("not an amount")

// Parse reads an amount as Format writes it, "25.00 EUR", and returns its minor units and its
// currency.
func Parse(text string) (minor int64, code string, err error) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return 0, "", fmt.Errorf("%w: %q is not a number and a currency as 25.00 EUR", ErrForm, text)
	}
	minor, err = ParseDecimal(words[0], words[1])
	return minor, words[1], err
}

// ParseDecimal returns the minor units of a decimal number in a currency, exactly: "25", "25.0" and
// "25.00" are 2500 in EUR. It refuses more decimals than the currency has, separators of thousands,
// exponents, and what is beyond Max.
func ParseDecimal(number, code string) (int64, error) {
	exponent, ok := Exponent(code)
	if !ok {
		return 0, fmt.Errorf("%w: %q is not a currency in use; write its three capital letters as EUR", ErrForm, code)
	}
	unsigned, negative := strings.CutPrefix(number, "-")
	whole, decimals, pointed := strings.Cut(unsigned, ".")
	switch {
	case strings.Contains(number, ","):
		return 0, fmt.Errorf("%w: %q has a comma; write a point before the decimals and nothing between thousands: 1000.00", ErrForm, number)
	case whole == "" || pointed && decimals == "" || !digits(whole) || !digits(decimals):
		return 0, fmt.Errorf("%w: %q is not a plain decimal number as 25.00", ErrForm, number)
	case len(decimals) > exponent && exponent == 0:
		return 0, fmt.Errorf("%w: %q has decimals; %s has none", ErrForm, number, code)
	case len(decimals) > exponent:
		return 0, fmt.Errorf("%w: %q has %d decimals; %s has %d", ErrForm, number, len(decimals), code, exponent)
	}
	var minor int64
	for _, d := range whole + decimals + strings.Repeat("0", exponent-len(decimals)) {
		if minor = minor*10 + int64(d-'0'); minor > Max {
			return 0, fmt.Errorf("%w: %q is more than %s", ErrForm, number, Format(Max, code))
		}
	}
	if negative {
		minor = -minor
	}
	return minor, nil
}

// digits reports whether text consists of nothing but the digits 0 to 9.
func digits(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
