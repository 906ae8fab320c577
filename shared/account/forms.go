package account

import "strings"

// The forms of fields in words, for the details of field errors.
const (
	FormAmount   = "a whole number of minor units from 1 to 9007199254740991"
	FormLimit    = "a whole number of minor units from 0 to 9007199254740991"
	FormCurrency = "three capital letters, such as EUR"
	FormID       = "1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen, beginning with a letter or a digit"
	FormName     = "1 to 64 bytes of UTF-8 without control characters and overrides of direction"
	FormText     = "1 to 140 bytes of UTF-8 without control characters and overrides of direction"
	FormDate     = "a date of the years 1970 to 9999, such as 2026-11-30"
	FormTime     = "an instant of RFC 3339 of the years 1970 to 9999, such as 2026-11-30T09:00:00Z"
)

// FormOneOf returns the form of a field that is one of the words, or the only one.
func FormOneOf(words ...string) string {
	if len(words) == 1 {
		return words[0]
	}
	return "one of " + strings.Join(words, ", ")
}

// Expected returns the detail of a field that does not have a form.
func Expected(form string) string { return "Expected: " + form + "." }
