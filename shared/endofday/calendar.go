package endofday

import (
	"fmt"
	"time"
	_ "time/tzdata" // a verifier may have no database of zones
)

// dateForm and cutoffForm are how dates and cutoffs are written.
const (
	dateForm   = time.DateOnly
	cutoffForm = "15:04"
)

// noon parts the cutoffs of a day's evening from those of the night after it.
const noon = 12 * time.Hour

// Calendar says which moments belong to which date. The day of a date ends at the first moment at
// which the clocks of the zone show the cutoff, or a later time: on the date itself for a cutoff
// from 12:00 on, and on the next date for one before. It begins where the day before ends, so a day
// has 23 or 25 hours when the clocks change in it, and none if the zone left the date out.
type Calendar struct {
	zone   *time.Location
	cutoff time.Duration // since midnight, by the clocks
}

// NewCalendar returns the calendar of a zone of the IANA database and a cutoff, HH:MM.
func NewCalendar(zone, cutoff string) (Calendar, error) {
	if zone == "" || zone == "Local" {
		return Calendar{}, fmt.Errorf("zone %q: name it as the IANA database does, such as Europe/Berlin or UTC", zone)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return Calendar{}, fmt.Errorf("zone %q: name it as the IANA database does, such as Europe/Berlin or UTC: %w", zone, err)
	}
	at, err := time.Parse(cutoffForm, cutoff)
	if err != nil || at.Format(cutoffForm) != cutoff {
		return Calendar{}, fmt.Errorf("cutoff %q: a time of day is HH:MM, such as 00:00", cutoff)
	}
	return Calendar{location, time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute}, nil
}

// ParseDate reads a date, YYYY-MM-DD.
func ParseDate(date string) (time.Time, error) {
	day, err := time.Parse(dateForm, date)
	if err != nil || day.Format(dateForm) != date || day.Year() < 1 {
		return day, fmt.Errorf("date %q: a date is YYYY-MM-DD", date)
	}
	return day, nil
}

// dateAfter returns the date that is some days after one.
func dateAfter(date string, days int) string {
	day, err := ParseDate(date)
	if err != nil { // it was parsed before
		return ""
	}
	return day.AddDate(0, 0, days).Format(dateForm)
}

// Day returns the moments with which the day of a date begins and before which it ends.
func (c Calendar) Day(date string) (from, to time.Time, err error) {
	day, err := ParseDate(date)
	if err != nil {
		return from, to, err
	}
	return c.end(day.AddDate(0, 0, -1)), c.end(day), nil
}

// Date returns the date to whose day a moment belongs.
func (c Calendar) Date(at time.Time) string {
	local := at.In(c.zone)
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC).AddDate(0, 0, -2)
	for !at.Before(c.end(day)) {
		day = day.AddDate(0, 0, 1)
	}
	return day.Format(dateForm)
}

// end returns the moment at which the day of a date ends.
func (c Calendar) end(date time.Time) time.Time {
	if c.cutoff < noon {
		date = date.AddDate(0, 0, 1)
	}
	shown := date.Add(c.cutoff) // as if the clocks were those of UTC
	_, before := shown.Add(-36 * time.Hour).In(c.zone).Zone()
	_, after := shown.Add(36 * time.Hour).In(c.zone).Zone()
	first := shown.Add(-time.Duration(max(before, after)) * time.Second)
	// between first and last the clocks reach the cutoff, or leave it out
	for at := first; ; {
		_, offset := at.In(c.zone).Zone()
		if is := shown.Add(-time.Duration(offset) * time.Second); !is.Before(at) {
			_, change := at.In(c.zone).ZoneBounds()
			if change.IsZero() || is.Before(change) {
				return is.UTC()
			}
			at = change
			continue
		}
		return at.UTC() // the clocks were set from before the cutoff to after it
	}
}
