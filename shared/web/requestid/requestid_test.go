package requestid

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestNewIDsAreUUIDsThatSortByTime(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		began := time.Now()
		text := New()
		ended := time.Now()
		id, err := uuid.Parse(text)
		if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 || seen[text] {
			t.Fatalf("%s: version %v, variant %v, %v, seen before: %v", text, id.Version(), id.Variant(), err, seen[text])
		}
		seen[text] = true
		at := time.Unix(id.Time().UnixTime())
		if at.Before(began.Truncate(time.Millisecond)) || at.After(ended) {
			t.Errorf("%s is of %v, and was made at %v", text, at, began)
		}
		part := int64(id[6]&15)<<8 | int64(id[7])
		if least, most := began.UnixNano()%1e6>>8, ended.UnixNano()%1e6>>8; least <= most && (part < least || part > most) && ended.Sub(began) < time.Millisecond {
			t.Errorf("%s is of the part %d of its millisecond, and was made from %d to %d", text, part, least, most)
		}
	}
}
