package canonicaljson

import "time"

// The forms of a time and a date, for messages.
const (
	timeForm = "2006-01-02T15:04:05.000000Z"
	dateForm = "2006-01-02"
)

// AppendTime appends t, which is in UTC, as YYYY-MM-DDTHH:MM:SS.ffffffZ.
func AppendTime(dst []byte, t time.Time) []byte {
	dst = append(AppendDate(dst, t), 'T')
	hour, minute, second := t.Clock()
	dst = append(appendDigits(dst, hour, 2), ':')
	dst = append(appendDigits(dst, minute, 2), ':')
	dst = append(appendDigits(dst, second, 2), '.')
	return append(appendDigits(dst, t.Nanosecond()/1000, 6), 'Z')
}

// AppendDate appends t's date as YYYY-MM-DD.
func AppendDate(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	dst = append(appendDigits(dst, year, 4), '-')
	dst = append(appendDigits(dst, int(month), 2), '-')
	return appendDigits(dst, day, 2)
}

func appendDigits(dst []byte, v, width int) []byte {
	start := len(dst)
	dst = append(dst, "000000"[:width]...)
	for i := start + width - 1; i >= start; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}

// parseTime reads the form that AppendTime writes.
func parseTime(s string) (time.Time, bool) {
	if len(s) != len(timeForm) || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' || s[26] != 'Z' {
		return time.Time{}, false
	}
	day, ok := parseDate(s[:10])
	hour, ok1 := digits(s[11:13])
	minute, ok2 := digits(s[14:16])
	second, ok3 := digits(s[17:19])
	micro, ok4 := digits(s[20:26])
	if !ok || !ok1 || !ok2 || !ok3 || !ok4 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	seconds := int64(hour*3600 + minute*60 + second)
	return time.Unix(day.Unix()+seconds, int64(micro)*1000).UTC(), true
}

// parseDate reads the form that AppendDate writes, as midnight UTC.
func parseDate(s string) (time.Time, bool) {
	if len(s) != len(dateForm) || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	year, ok := digits(s[:4])
	month, ok1 := digits(s[5:7])
	day, ok2 := digits(s[8:10])
	if !ok || !ok1 || !ok2 || year < 1970 || month < 1 || month > 12 || day < 1 || day > daysIn(month, year) {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC), true
}

// daysIn returns the number of days of a month in the Gregorian calendar.
func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func digits(s string) (int, bool) {
	v := 0
	for i := 0; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int(d)
	}
	return v, true
}
