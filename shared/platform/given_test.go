package platform

import "testing"

func TestSettingsNameWhereTheyAreFrom(t *testing.T) {
	got := Given([]string{"TERM=dumb", "PASSBOOK_LEASE=5s", "PASSBOOK_LISTEN=0.0.0.0:80", "PASSBOOK_KEY=secret", "PASSBOOK_DATA="},
		map[string]string{"listen": "127.0.0.1:0", "json": "yes"})
	if want := "listen=127.0.0.1:0 (--listen), lease=5s (PASSBOOK_LEASE)"; got != want {
		t.Errorf("given %q, want %q", got, want)
	}
	if got := Given(nil, nil); got != "" {
		t.Errorf("nothing was given, and Given returns %q", got)
	}
}
