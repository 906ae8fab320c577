package account

import (
	"testing"

	"passbook/shared/event"
)

func TestShape_RefusesTextThatReadsOtherwise(t *testing.T) {
	for text, refused := range map[string]bool{
		"rent 12": false, "\u05e9\u05dc\u05d5\u05dd 12": false, "rent \u202e21": true, "rent \u202d21": true, "rent\n12": true,
	} {
		var s Shape
		s.OptText("/reference", event.Text{Plain: text})
		s.OptName("/contra", text)
		want := 0
		if refused {
			want = 2
		}
		if got := s; len(got) != want || refused && got[0].Pointer != "/reference" {
			t.Errorf("%q: %v", text, got)
		}
	}
}
