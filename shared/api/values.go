package api

import (
	"strconv"

	"passbook/shared/api/eventview"
)

// Time and Date are the instants and dates of answers, of events and of all else.
type (
	Time = eventview.Time
	Date = eventview.Date
)

// Seconds is a duration in an answer, in seconds to the millisecond.
type Seconds float64

// MarshalJSON writes three decimals.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s), 'f', 3, 64), nil
}
