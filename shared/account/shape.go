package account

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"passbook/shared/canonicaljson"
	"passbook/shared/event"
	"passbook/shared/money"
)

// FieldError names a wrong member of a request, as a JSON pointer (RFC 6901), and what is wrong
// with it.
type FieldError struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	// Detail describes what is expected, in words for people. It contains no value of the request.
	Detail string `json:"detail"`
}

// The codes of a FieldError.
const (
	FieldRequired   = "required"
	FieldOutOfRange = "out-of-range"
	FieldSyntax     = "syntax"
	FieldTooLong    = "too-long"
	FieldNotOneOf   = "not-one-of"
	FieldInThePast  = "in-the-past"
	FieldNotAllowed = "not-allowed"
)

// Shape collects what is wrong with a command as far as the account's state does not matter.
type Shape []FieldError

// Fail adds a field error; form is what the field may be.
func (s *Shape) Fail(pointer, code, form string) {
	*s = append(*s, FieldError{pointer, code, Expected(form)})
}

// Amount requires 0 < amount ≤ money.Max.
func (s *Shape) Amount(pointer string, amount int64) {
	if !money.Amount(amount) {
		s.Fail(pointer, FieldOutOfRange, FormAmount)
	}
}

// Limit requires 0 ≤ limit ≤ money.Max.
func (s *Shape) Limit(pointer string, limit int64) {
	if limit < 0 || limit > money.Max {
		s.Fail(pointer, FieldOutOfRange, FormLimit)
	}
}

// Currency requires three capital letters. Whether they name a currency, the decision checks.
func (s *Shape) Currency(pointer, code string) {
	s.syntax(pointer, code, ValidCurrency, FormCurrency)
}

// AccountID requires an account id.
func (s *Shape) AccountID(pointer, id string) { s.syntax(pointer, id, ValidAccountID, FormID) }

// OptCode allows a reason code, product or holder reference, or none.
func (s *Shape) OptCode(pointer, code string) { s.optional(pointer, code, ValidCode, FormID) }

// OptName allows a name of up to 64 bytes, or none.
func (s *Shape) OptName(pointer, name string) { s.optional(pointer, name, ValidName, FormName) }

// OptOneOf allows one of the words, or none.
func (s *Shape) OptOneOf(pointer, word string, words ...string) {
	if word != "" && !slices.Contains(words, word) {
		s.Fail(pointer, FieldNotOneOf, FormOneOf(words...))
	}
}

// OptText allows free text of up to event.MaxTextBytes. A request must not bring sealed text.
func (s *Shape) OptText(pointer string, t event.Text) {
	switch {
	case t.Sealed != "":
		s.Fail(pointer, FieldNotAllowed, FormText)
	case len(t.Plain) > event.MaxTextBytes:
		s.Fail(pointer, FieldTooLong, FormText)
	// statements show it, and it is stored forever
	case !utf8.ValidString(t.Plain), strings.IndexFunc(t.Plain, misleads) >= 0:
		s.Fail(pointer, FieldSyntax, FormText)
	}
}

// OptDate allows YYYY-MM-DD, or none.
func (s *Shape) OptDate(pointer, date string) {
	if date == "" {
		return
	}
	if _, ok := ParseDate(date); !ok {
		s.Fail(pointer, FieldSyntax, FormDate)
	}
}

// OptTime allows an RFC 3339 time, or none.
func (s *Shape) OptTime(pointer, at string) {
	if at == "" {
		return
	}
	if _, ok := ParseTime(at); !ok {
		s.Fail(pointer, FieldSyntax, FormTime)
	}
}

func (s *Shape) syntax(pointer, v string, valid func(string) bool, form string) {
	if v == "" {
		s.Fail(pointer, FieldRequired, form)
		return
	}
	s.optional(pointer, v, valid, form)
}

func (s *Shape) optional(pointer, v string, valid func(string) bool, form string) {
	if v != "" && !valid(v) {
		s.Fail(pointer, FieldSyntax, form)
	}
}

// ParseDate reads a value date, YYYY-MM-DD of the years 1970 to 9999, as midnight UTC.
func ParseDate(s string) (time.Time, bool) {
	at, err := time.Parse(time.DateOnly, s)
	return at, err == nil && inYears(at)
}

// ParseTime reads an RFC 3339 time of the years 1970 to 9999, as UTC in whole microseconds. The
// empty string is no time.
func ParseTime(s string) (time.Time, bool) {
	at, ok := canonicaljson.ParseRFC3339(s)
	at = at.Truncate(time.Microsecond)
	return at, ok && inYears(at)
}

// inYears reports whether an entry can store the time.
func inYears(t time.Time) bool { return 1970 <= t.Year() && t.Year() <= 9999 }
