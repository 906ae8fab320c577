package money

import (
	"strconv"
	"strings"
)

// Max is the largest amount and the largest balance, on either side of zero, in minor units:
// 2^53−1, the largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
const Max = 1<<53 - 1

// Add returns a + b, and whether a, b and the sum lie within −Max and Max.
func Add(a, b int64) (int64, bool) {
	if !Balance(a) || !Balance(b) {
		return 0, false
	}
	sum := a + b
	return sum, Balance(sum)
}

// Sub returns a − b, and whether a, b and the difference lie within −Max and Max.
func Sub(a, b int64) (int64, bool) {
	if !Balance(b) {
		return 0, false
	}
	return Add(a, -b)
}

// Amount reports whether v can be the amount of a command: 0 < v ≤ Max.
func Amount(v int64) bool { return 0 < v && v <= Max }

// Balance reports whether v can be a balance: −Max ≤ v ≤ Max.
func Balance(v int64) bool { return -Max <= v && v <= Max }

// Format returns an amount as a person writes it: 12550 in EUR is "125.50 EUR". In a currency that
// is not in use, the minor units are written as they are.
func Format(amount int64, code string) string {
	exponent, _ := Exponent(code)
	digits := strconv.FormatUint(magnitude(amount), 10)
	for len(digits) <= exponent {
		digits = "0" + digits
	}
	if exponent > 0 {
		point := len(digits) - exponent
		digits = digits[:point] + "." + digits[point:]
	}
	if amount < 0 {
		digits = "-" + digits
	}
	return digits + " " + code
}

// Grouped returns an amount as a printed statement has it, with grouped thousands and without its
// currency: 250000 in EUR is "2,500.00". The minus sign is U+2212. In a currency that is not in
// use, the minor units are grouped as they are.
func Grouped(amount int64, code string) string {
	text, _, _ := strings.Cut(Format(amount, code), " ")
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if negative {
		return "\u2212" + whole
	}
	return whole
}

// magnitude returns |v| as a uint64, in which also that of the least int64 fits.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
