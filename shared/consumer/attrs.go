package consumer

import (
	"time"

	"passbook/shared/table"
)

// timeLayout is how rows spell a time: UTC, microseconds, always as long, so that it sorts as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Attrs reads a row's attributes; one that is missing or of another type reads as zero.
type Attrs table.Map

// Text reads an S.
func (a Attrs) Text(name string) string {
	s, _ := a[name].(table.S)
	return string(s)
}

// Number reads an N.
func (a Attrs) Number(name string) int64 {
	n, _ := a[name].(table.N)
	return int64(n)
}

// Time reads what TimeValue wrote.
func (a Attrs) Time(name string) time.Time {
	text := a.Text(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(timeLayout, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// TimeValue spells a time, to the microsecond, and the zero time as an empty string.
func TimeValue(t time.Time) table.Value {
	if t.IsZero() {
		return table.S("")
	}
	return table.S(t.UTC().Format(timeLayout))
}
