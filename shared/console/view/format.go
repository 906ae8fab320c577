package view

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"

	"passbook/shared/money"
)

// functions are what templates may call.
var functions = template.FuncMap{
	"address": address, "amount": Amount, "signed": Signed, "count": Count, "when": When, "time": instantOf, "minute": minuteOf, "age": Age, "date": date, "text": Text, "short": short,
	"spark": Spark, "limitbar": LimitBar, "share": Share, "curl": curl, "dict": dict, "title": func(typ string) string { return EventTitle(typ, EventData{}) },
}

// Amount returns minor units of a currency for people, with its decimals and grouped thousands:
// 250000 of EUR is 2,500.00. The minus sign is U+2212. An unknown currency is shown in minor units.
func Amount(minor int64, currency string) string {
	return money.Grouped(minor, currency)
}

// Signed returns an amount with its sign: + for what came in.
func Signed(minor int64, currency string) string {
	if minor > 0 {
		return "+" + Amount(minor, currency)
	}
	return Amount(minor, currency)
}

// Count returns a whole number with grouped thousands.
func Count(n int64) string { return money.Grouped(n, "") }

// instant is the form of a time that people read, in UTC.
const instant = "2006-01-02 15:04:05.000"

// When returns a time as an element that says it in UTC, and in the browser's zone when it is
// pointed at; "–" for none.
func When(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.Format(time.RFC3339Nano), t.Format(instant))) //nolint:gosec // digits
}

// instantOf returns what When returns, of a time as the API writes it.
func instantOf(text string) template.HTML {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return "–"
	}
	return When(t)
}

// minuteOf returns a time as the API writes it, to the minute, as an element.
func minuteOf(text string) template.HTML {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return "–"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04"))) //nolint:gosec // digits
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Age returns how long ago a time is, in its largest unit: "3 s", "12 min", "2 h", "5 d".
func Age(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return Lasts(time.Since(t))
}

// Lasts returns a duration in its largest unit.
func Lasts(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " d"
}

// Text returns a value from outside with control and bidirectional characters as code points, so
// that it cannot change how the page around it reads.
func Text(s string) string {
	return strings.Join(visible(s), "")
}

func visible(s string) (parts []string) {
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cf, r) {
			parts = append(parts, fmt.Sprintf("[U+%04X]", r))
			continue
		}
		parts = append(parts, string(r))
	}
	return parts
}

// short returns an id without its middle where it is longer than a table has room for.
func short(id string) string {
	const most, head, tail = 20, 9, 8
	runes := []rune(id)
	if len(runes) <= most {
		return Text(id)
	}
	return Text(string(runes[:head]) + "…" + string(runes[len(runes)-tail:]))
}

// curl returns the command that reads a path of the API, for a bank that asks for keys or not.
func curl(base, path string, dev bool) string {
	key := ` -H "Authorization: Bearer $PASSBOOK_KEY"`
	if dev {
		key = ""
	}
	return "curl -s" + key + " '" + base + path + "'"
}

// dict returns a map of names and values, for a template that gives several to another.
func dict(pairs ...any) (map[string]any, error) {
	all := map[string]any{}
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("a name without a value")
	}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", pairs[i])
		}
		all[name] = pairs[i+1]
	}
	return all, nil
}
