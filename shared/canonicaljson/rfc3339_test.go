package canonicaljson

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The grammar of RFC 3339, section 5.6, and the restrictions of 5.7, at their edges. The wanted
// form is UTC; empty is refused.
func TestParseRFC3339(t *testing.T) {
	for s, want := range map[string]string{
		"2030-01-02T03:04:05Z":                 "2030-01-02T03:04:05Z",
		"2030-01-02t03:04:05z":                 "2030-01-02T03:04:05Z",
		"2030-01-02T03:04:05.1Z":               "2030-01-02T03:04:05.1Z",
		"2030-01-02T03:04:05.123456789Z":       "2030-01-02T03:04:05.123456789Z",
		"2030-01-02T03:04:05.1234567899+00:00": "2030-01-02T03:04:05.123456789Z",
		"2030-01-02T03:04:05-00:00":            "2030-01-02T03:04:05Z",
		"2030-01-02T03:04:05+23:59":            "2030-01-01T03:05:05Z",
		"2030-01-02T03:04:05-23:59":            "2030-01-03T03:03:05Z",
		"2028-02-29T00:00:00Z":                 "2028-02-29T00:00:00Z",
		"9999-12-31T23:59:59Z":                 "9999-12-31T23:59:59Z",
		"1970-01-01T00:00:00Z":                 "1970-01-01T00:00:00Z",
		// Leap seconds of the past, in both their spellings of 5.8; elsewhere there is none.
		"1990-12-31T23:59:60Z":      "1991-01-01T00:00:00Z",
		"1990-12-31T15:59:60-08:00": "1991-01-01T00:00:00Z",
		"1990-12-31T23:59:60.5Z":    "1991-01-01T00:00:00.5Z",
		"1990-12-30T23:59:60Z":      "", "1990-12-31T23:58:60Z": "", "1990-12-31T22:59:60Z": "", "1990-12-31T23:59:60+01:00": "", "1990-12-31T23:59:61Z": "",

		"": "", "now": "", "2030-01-02": "", "2030-01-02T03:04:05": "", "2030-01-02T03:04Z": "", "2030-01-02T03:04:05 Z": "",
		"2030-01-02T3:04:05Z": "", "2030-01-02T03:4:05Z": "", "2030-01-02T03:04:5Z": "", "2030-1-02T03:04:05Z": "", "30-01-02T03:04:05Z": "",
		"02030-01-02T03:04:05Z": "", "+2030-01-02T03:04:05Z": "", "2030-01-02 03:04:05Z": "", "2030-01-02_03:04:05Z": "", "2030/01/02T03:04:05Z": "",
		"2030-01-02T03:04:05,5Z": "", "2030-01-02T03:04:05.Z": "", "2030-01-02T03:04:05.5": "", "2030-01-02T03:04:05.5.5Z": "", "2030-01-02T03:04:05.-5Z": "",
		"2030-01-02T03:04:05+24:00": "", "2030-01-02T03:04:05+24:60": "", "2030-01-02T03:04:05+23:60": "", "2030-01-02T03:04:05+1:00": "",
		"2030-01-02T03:04:05+0100": "", "2030-01-02T03:04:05+01": "", "2030-01-02T03:04:05+01:00:00": "", "2030-01-02T03:04:05\u221201:00": "",
		"2030-01-02T24:00:00Z": "", "2030-01-02T23:60:00Z": "", "2030-02-30T00:00:00Z": "", "2030-13-01T00:00:00Z": "", "2030-00-01T00:00:00Z": "",
		"2030-01-00T00:00:00Z": "", "2027-02-29T00:00:00Z": "", "2030-01-02T03:04:05ZZ": "", "2030-01-02T03:04:05UTC": "", " 2030-01-02T03:04:05Z": "",
		"\u0662030-01-02T03:04:05Z": "", "1969-12-31T23:59:59Z": "", "0000-01-01T00:00:00Z": "",
	} {
		at, ok := ParseRFC3339(s)
		if ok != (want != "") || ok && at.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v, want %q", s, at, ok, want)
		}
	}
}

// Whatever the library writes is read as the same instant, and of what is nearly a time nothing is
// taken that it does not take too, but for leap seconds and lower case.
func TestParseRFC3339AgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", 60*rapid.IntRange(-1439, 1439).Draw(t, "minutes east"))
		at := time.Unix(rapid.Int64Range(100_000, 253402200000).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).In(zone)
		if got, ok := ParseRFC3339(at.Format(time.RFC3339Nano)); !ok || !got.Equal(at) {
			t.Fatalf("%v was read as %v, %v", at, got, ok)
		}
		near := []byte(at.UTC().Format("2006-01-02T15:04:05.000Z"))
		near[rapid.IntRange(0, len(near)-1).Draw(t, "where")] = rapid.SampledFrom([]byte("0569-:.TZ+ ,")).Draw(t, "what")
		got, ok := ParseRFC3339(string(near))
		want, err := time.Parse(time.RFC3339Nano, string(near))
		if ok && near[17] != '6' && (err != nil || !got.Equal(want)) {
			t.Fatalf("%s was read as %v, the library has %v, %v", near, got, want, err)
		}
	})
}
