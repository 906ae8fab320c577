package segment

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"passbook/shared/event"
)

// A fold must refuse an entry that a newer program wrote: it would drop what it does not know.
func TestHeaderFromColumns_ReadsFormatAndPrev(t *testing.T) {
	prev := event.Hash{byte(rand.IntN(256)), 2, 3}
	header := `{"format":1,"tenant":"main","prev":"` + prev.String() + `"}`
	a := assembler{segment: &Segment{Footer: Footer{Format: 1}}}
	e, err := a.headerFromColumns(&Row{Entry: []byte(header)})
	if err != nil || e.Format != 1 || e.Prev != prev {
		t.Fatalf("%+v, %v", e, err)
	}
	var newer *event.FormatError
	_, err = a.headerFromColumns(&Row{Entry: []byte(strings.Replace(header, ":1,", ":9,", 1))})
	if !errors.As(err, &newer) || newer.Format != 9 {
		t.Fatalf("got %v", err)
	}
	for _, bad := range []string{"", "{}", `{"format":x,"prev":""}`, strings.Replace(header, "format", "fromat", 1), strings.Replace(header, "prev", "perv", 1), header[:40]} {
		if _, err := a.headerFromColumns(&Row{Entry: []byte(bad)}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
