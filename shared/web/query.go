package web

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/event"
)

// MaxPage is the most items of a page, and the number when the caller names none.
const MaxPage = 100

// Query reads the parameters of a query, strictly: a parameter that is misspelt, repeated or out of
// range is refused by name, never ignored. An absent parameter is its zero value. It is for one
// goroutine.
type Query struct {
	values url.Values
	errs   []FieldError
}

// ParseQuery reads the parameters of a request. What is wrong with them is in Problem.
func ParseQuery(c echo.Context) *Query {
	q := &Query{}
	raw := c.Request().URL.RawQuery
	if raw == "" {
		return q
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		q.errs = []FieldError{{Code: account.FieldSyntax}}
		return q
	}
	q.values = values
	return q
}

// take finds a parameter and marks it as known.
func (q *Query) take(name string) (string, bool) {
	values, ok := q.values[name]
	if !ok {
		return "", false
	}
	delete(q.values, name)
	switch {
	case len(values) > 1:
		q.Fail(name, FieldDuplicate)
	case values[0] == "":
		q.Fail(name, account.FieldSyntax)
	default:
		return values[0], true
	}
	return "", false
}

// String takes a parameter of at most the given number of bytes.
func (q *Query) String(name string, most int) string {
	text, ok := q.take(name)
	if ok && len(text) > most {
		q.FailForm(name, account.FieldTooLong, fmt.Sprintf("at most %d bytes", most))
		return ""
	}
	return text
}

// OneOf takes a parameter that is one of the words.
func (q *Query) OneOf(name string, words ...string) string {
	text, ok := q.take(name)
	if ok && !slices.Contains(words, text) {
		q.FailForm(name, account.FieldNotOneOf, account.FormOneOf(words...))
		return ""
	}
	return text
}

// OptBool takes true or false; nil when it is absent.
func (q *Query) OptBool(name string) *bool {
	text := q.OneOf(name, "true", "false")
	if text == "" {
		return nil
	}
	v := text == "true"
	return &v
}

// Version takes a version, 1 to event.MaxVersion.
func (q *Query) Version(name string) int64 { return q.Int(name, 1, event.MaxVersion, 0) }

// Int takes a whole number, least to most; otherwise is its value when it is absent.
func (q *Query) Int(name string, least, most, otherwise int64) int64 {
	text, ok := q.take(name)
	if !ok {
		return otherwise
	}
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case strings.Trim(text, "0123456789") != "":
		q.FailForm(name, FieldNotAnInteger, formBetween(least, most))
	case err != nil || v < least || v > most:
		q.FailForm(name, account.FieldOutOfRange, formBetween(least, most))
	default:
		return v
	}
	return otherwise
}

// formBetween returns the form of a whole number within bounds.
func formBetween(least, most int64) string {
	return fmt.Sprintf("a whole number from %d to %d", least, most)
}

// Time takes an instant of RFC 3339, truncated to microseconds.
func (q *Query) Time(name string) time.Time {
	text, ok := q.take(name)
	if !ok {
		return time.Time{}
	}
	at, ok := account.ParseTime(text)
	if !ok {
		q.FailForm(name, account.FieldSyntax, account.FormTime)
	}
	return at
}

// waits matches the duration of a wait, as the contract has it.
var waits = regexp.MustCompile(`^[0-9]{1,5}(\.[0-9]+)?s$|^[0-9]{1,5}ms$`)

// Wait takes a duration from 0 to MaxWait, such as 500ms or 2s.
func (q *Query) Wait(name string) time.Duration {
	text, ok := q.take(name)
	if !ok {
		return 0
	}
	wait, err := time.ParseDuration(text)
	switch {
	case err != nil || !waits.MatchString(text):
		q.FailForm(name, account.FieldSyntax, formWait)
	case wait > MaxWait:
		q.FailForm(name, account.FieldOutOfRange, formWait)
	default:
		return wait
	}
	return 0
}

// Limit takes the size of a page, 1 to MaxPage.
func (q *Query) Limit() int { return int(q.Int("limit", 1, MaxPage, MaxPage)) }

// Missing records that a required parameter is absent, unless it is known to be wrong already.
func (q *Query) Missing(name string) {
	if !slices.ContainsFunc(q.errs, func(e FieldError) bool { return e.Pointer == "/"+name }) {
		q.Fail(name, account.FieldRequired)
	}
}

// Fail records that a parameter is wrong.
func (q *Query) Fail(name, code string) {
	pointer := ""
	if fieldNames.MatchString(name) {
		pointer = "/" + name
	}
	q.errs = append(q.errs, FieldError{Pointer: pointer, Code: code})
}

// FailForm records that a parameter is wrong; form is what it may be.
func (q *Query) FailForm(name, code, form string) {
	q.Fail(name, code)
	q.errs[len(q.errs)-1].Detail = account.Expected(form)
}

// Problem returns what is wrong with the parameters once every known one was taken, or nil.
func (q *Query) Problem() error {
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		q.Fail(name, FieldUnknown)
	}
	if len(q.errs) == 0 {
		return nil
	}
	return &Problem{ProblemType: ValidationFailed, Errors: q.errs[:min(len(q.errs), maxFields)]}
}

// queryWait returns the time that a read may wait. It does not parse the whole query: the deadline
// is set before the handler runs.
func queryWait(raw string) time.Duration {
	_, text, ok := strings.Cut(raw, "wait=")
	if !ok {
		return 0
	}
	text, _, _ = strings.Cut(text, "&")
	wait, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return min(max(wait, 0), MaxWait)
}
