package derived

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/event"
)

// The key of a place is its time, account, version and the beginning of the hash, padded so that
// keys sort as the numbers do, and parsePlace reads it.
func TestPlacesAreWrittenAsTheFormatSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-1e15, 1e16-1).Draw(t, "micros")
		e := &event.Entry{
			AccountID: rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9-]{0,39}`).Draw(t, "account"),
			First:     rapid.Int64Range(1, event.MaxVersion).Draw(t, "first"), RecordedAt: time.UnixMicro(micros).UTC(),
		}
		copy(e.Hash[:], rapid.SliceOfN(rapid.Byte(), len(e.Hash), len(e.Hash)).Draw(t, "hash"))
		got := PlaceOf(e)
		if want := fmt.Sprintf("%016d#%s#%019d#%s", micros, e.AccountID, e.First, e.Hash.String()[:8]); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
		if p, ok := parsePlace(got); ok && p != placeOf(e) {
			t.Fatalf("%q reads as %+v", got, p)
		} else if !ok && micros >= 0 {
			t.Fatalf("%q cannot be read", got)
		}
	})
}
