package endofday

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestADayIsFromCutoffToCutoffByTheClocksOfTheZone(t *testing.T) {
	for _, c := range []struct{ zone, cutoff, date, from, to string }{
		{"UTC", "00:00", "2026-11-30", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"Europe/Berlin", "00:00", "2026-11-30", "2026-11-29T23:00:00Z", "2026-11-30T23:00:00Z"},
		{"Europe/Berlin", "02:00", "2026-11-30", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z"},
		{"Europe/Berlin", "18:30", "2026-11-30", "2026-11-29T17:30:00Z", "2026-11-30T17:30:00Z"},
		{"Europe/Berlin", "11:59", "2026-11-30", "2026-11-30T10:59:00Z", "2026-12-01T10:59:00Z"},
		{"Europe/Berlin", "12:00", "2026-11-30", "2026-11-29T11:00:00Z", "2026-11-30T11:00:00Z"},
		// 23 and 25 hours
		{"Europe/Berlin", "00:00", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"Europe/Berlin", "00:00", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		// 02:30 is left out on the 29th of March, and comes twice on the 25th of October
		{"Europe/Berlin", "02:30", "2026-03-28", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"Europe/Berlin", "02:30", "2026-10-24", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z"},
		{"Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		// midnight is left out
		{"America/Sao_Paulo", "00:00", "2018-11-03", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "00:00", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		// the zone left the date out
		{"Pacific/Apia", "00:00", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "00:00", "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"Asia/Kathmandu", "00:00", "2026-11-30", "2026-11-29T18:15:00Z", "2026-11-30T18:15:00Z"},
	} {
		calendar, err := NewCalendar(c.zone, c.cutoff)
		if err != nil {
			t.Fatal(err)
		}
		from, to, err := calendar.Day(c.date)
		if err != nil || from.Format(time.RFC3339) != c.from || to.Format(time.RFC3339) != c.to {
			t.Errorf("%s %s %s: %v to %v, %v", c.zone, c.cutoff, c.date, from, to, err)
		}
	}
}

func TestWhatIsNoDayIsRefused(t *testing.T) {
	for _, c := range [][2]string{{"", "00:00"}, {"Local", "00:00"}, {"Berlin", "00:00"}, {"UTC", "24:00"}, {"UTC", "0:00"}, {"UTC", "00:00:00"}, {"UTC", ""}} {
		if _, err := NewCalendar(c[0], c[1]); err == nil {
			t.Errorf("%q at %q is accepted", c[0], c[1])
		}
	}
	for _, date := range []string{"", "2026-02-29", "2026-1-1", "2026-11-30T00:00:00Z"} {
		if _, err := ParseDate(date); err == nil {
			t.Errorf("%q is accepted", date)
		}
	}
}

// Every moment belongs to the one day that it is in, and days follow one another.
func TestEveryMomentBelongsToOneDay(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"}
	rapid.Check(t, func(t *rapid.T) {
		cutoff := time.Unix(60*rapid.Int64Range(0, 24*60-1).Draw(t, "cutoff"), 0).UTC().Format(cutoffForm)
		calendar, err := NewCalendar(rapid.SampledFrom(zones).Draw(t, "zone"), cutoff)
		if err != nil {
			t.Fatal(err)
		}
		at := time.UnixMicro(rapid.Int64Range(1_262_304_000_000_000, 2_145_916_800_000_000).Draw(t, "at"))
		date := calendar.Date(at)
		from, to, err := calendar.Day(date)
		if err != nil || at.Before(from) || !at.Before(to) {
			t.Fatalf("%v is not from %v to %v, the day of %s: %v", at, from, to, date, err)
		}
		next, _, err := calendar.Day(dateAfter(date, 1))
		if err != nil || !next.Equal(to) || to.Sub(from) > 26*time.Hour {
			t.Fatalf("%s is from %v to %v, and the next day from %v: %v", date, from, to, next, err)
		}
	})
}
