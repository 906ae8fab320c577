package canonicaljson

import (
	"strings"
	"time"
)

// ParseRFC3339 reads a time as RFC 3339, section 5.6, specifies it; T and Z may be lower case. It
// drops digits beyond the nanosecond. A leap second, 23:59:60 UTC at the end of a month, is read as
// the second after it, as our clocks count it. Years before 1970 are refused.
//
// The parser of package time is not strict: it accepts one digit for an hour, a comma for the
// point, and offsets of 24 hours and more.
func ParseRFC3339(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	day, ok := parseDate(s[:10])
	hour, ok1 := within(s[11:13], 23)
	minute, ok2 := within(s[14:16], 59)
	second, ok3 := within(s[17:19], 60)
	nanos, zone, ok4 := fraction(s[19:])
	east, ok5 := offset(zone)
	if !ok || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return time.Time{}, false
	}
	at := time.Unix(day.Unix()+int64(hour*3600+minute*60+second-east), int64(nanos)).UTC()
	if second == 60 && (at.Day() != 1 || at.Hour() != 0 || at.Minute() != 0) {
		return time.Time{}, false
	}
	return at, true
}

// within reads the digits of a number up to most.
func within(s string, most int) (int, bool) {
	v, ok := digits(s)
	return v, ok && v <= most
}

// fraction reads the fraction of a second that s may start with, and returns the text after it.
func fraction(s string) (nanos int, rest string, ok bool) {
	if s[0] != '.' {
		return 0, s, true
	}
	end := 1
	for end < len(s) && s[end]-'0' <= 9 {
		end++
	}
	if end == 1 {
		return 0, "", false
	}
	text := s[1:end] + "00000000"
	nanos, ok = digits(text[:9])
	return nanos, s[end:], ok
}

// offset reads a zone as the seconds that it is east of UTC.
func offset(s string) (seconds int, ok bool) {
	if strings.EqualFold(s, "z") {
		return 0, true
	}
	if len(s) != len("+15:04") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hour, ok1 := within(s[1:3], 23)
	minute, ok2 := within(s[4:6], 59)
	seconds = hour*3600 + minute*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, ok1 && ok2
}
