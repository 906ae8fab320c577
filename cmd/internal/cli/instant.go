package cli

import (
	"errors"
	"time"

	"passbook/shared/account"
)

// Instant is a time in a flag or a parameter of a job, as RFC 3339. The zero Instant is none.
type Instant time.Time

// UnmarshalText reads an instant.
func (i *Instant) UnmarshalText(text []byte) error {
	at, ok := account.ParseTime(string(text))
	if !ok {
		return errors.New("not a time as 2026-11-29T08:00:00Z, in the years 1970 to 9999")
	}
	*i = Instant(at)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (i Instant) MarshalText() ([]byte, error) {
	return i.Time().AppendFormat(nil, time.RFC3339Nano), nil
}

// Time returns the instant as a time.Time.
func (i Instant) Time() time.Time { return time.Time(i) }

// IsZero reports whether there is none; JSON leaves it out then.
func (i Instant) IsZero() bool { return time.Time(i).IsZero() }
