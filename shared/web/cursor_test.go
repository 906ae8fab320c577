package web

import (
	"strings"
	"testing"
)

func TestCursorBelongsToItsQuery(t *testing.T) {
	cursor := EncodeCursor("events|A-1", "42")
	if position, ok := DecodeCursor("events|A-1", cursor); !ok || position != "42" {
		t.Fatalf("%q %t", position, ok)
	}
	for _, wrong := range []string{"", "x", cursor + "A", cursor[1:], cursor[:len(cursor)-1], "\n" + cursor, cursor + "\n", strings.Repeat("A", maxCursor+1), cursor + "="} {
		if position, ok := DecodeCursor("events|A-1", wrong); ok {
			t.Errorf("%q is a cursor: %q", wrong, position)
		}
	}
	if _, ok := DecodeCursor("events|A-2", cursor); ok {
		t.Error("the cursor of another account")
	}
}

// A cursor that EncodeCursor did not make is refused, and one that it made returns its position.
func FuzzCursor(f *testing.F) {
	f.Add("events|A-1", "42", EncodeCursor("events|A-1", "42"))
	f.Add("", "", "")
	f.Add("a\nb", "\xff", "////")
	f.Fuzz(func(t *testing.T, query, position, text string) {
		if len(position) > 512 {
			return
		}
		if got, ok := DecodeCursor(query, EncodeCursor(query, position)); !ok || got != position {
			t.Fatalf("%q became %q", position, got)
		}
		if got, ok := DecodeCursor(query, text); ok && EncodeCursor(query, got) != text {
			t.Fatalf("%q is a second spelling of %q", text, got)
		}
		var a, b int64
		q := Query{values: map[string][]string{"cursor": {text}}}
		if q.CursorNumbers(query, &a, &b) && (a < 0 || b < 0) {
			t.Fatalf("%d %d", a, b)
		}
	})
}
