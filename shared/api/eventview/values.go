package eventview

import (
	"encoding/json"
	"fmt"
	"time"

	"passbook/shared/canonicaljson"
)

// Time is an instant in an answer: UTC with microseconds.
type Time struct{ time.Time }

// MarshalJSON writes the instant as the events do.
func (t Time) MarshalJSON() ([]byte, error) {
	return append(canonicaljson.AppendTime([]byte{'"'}, t.UTC()), '"'), nil
}

// Date is a date in an answer.
type Date struct{ time.Time }

// MarshalJSON writes YYYY-MM-DD.
func (d Date) MarshalJSON() ([]byte, error) {
	return append(canonicaljson.AppendDate([]byte{'"'}, d.Time), '"'), nil
}

// UnmarshalJSON reads YYYY-MM-DD, as midnight UTC.
func (d *Date) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	if err == nil {
		d.Time, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		return fmt.Errorf("read a date: %w", err)
	}
	return nil
}
