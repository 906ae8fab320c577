package bank

import (
	"testing"
	"time"
)

func TestKeysExpireWhenTheCommandSays(t *testing.T) {
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"never": {}, "90d": now.AddDate(0, 0, 90), "1d": now.AddDate(0, 0, 1), "12h": now.Add(12 * time.Hour), "90s": now.Add(90 * time.Second),
		"2027-01-31T00:00:00Z": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseExpiry(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0d", "-1d", "1.5d", "d", "99999d", "1dd", "0s", "-1h", "soon", "2027-01-31"} {
		if got, err := parseExpiry(text, now); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
