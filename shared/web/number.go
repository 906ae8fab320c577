package web

import (
	"bytes"
	"strconv"

	"passbook/shared/account"
)

// int64Digits is the most digits of an int64.
const int64Digits = 19

// wholeNumber reads a JSON number that is a whole one, however it is written: 100, 100.0 and 1e2
// are the same number, as JSON Schema has it. fault is empty, or the code of what is wrong.
func wholeNumber(raw []byte) (v int64, fault string) {
	if v, err := strconv.ParseInt(string(raw), 10, 64); err == nil { // as almost every caller writes it
		return v, ""
	}
	mantissa, exponent, beyond := raw, 0, false
	if i := bytes.IndexAny(raw, "eE"); i >= 0 {
		mantissa = raw[:i]
		var err error
		exponent, err = strconv.Atoi(string(raw[i+1:]))
		beyond = err != nil // of an int, so of any number that is not 0
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	digits := append(bytes.Clone(whole), fraction...)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	significant := bytes.TrimRight(digits, "0")
	if len(significant) == 0 {
		return 0, ""
	}
	zeros := exponent - len(fraction) + len(digits) - len(significant)
	significant = bytes.TrimLeft(significant, "0")
	switch {
	case zeros < 0 || beyond && exponent < 0:
		return 0, FieldNotAnInteger
	case beyond || len(significant)+zeros > int64Digits:
		return 0, account.FieldOutOfRange
	}
	text := sign + string(significant) + string(bytes.Repeat([]byte{'0'}, zeros))
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, account.FieldOutOfRange
	}
	return v, ""
}
