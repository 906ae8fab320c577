package publisher

import (
	"testing"

	"pgregory.net/rapid"
)

// A set of counters holds what was put into it and nothing else, also after it was written down and
// read.
func TestSpansAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spans
		model := map[int64]bool{}
		for _, n := range rapid.SliceOf(rapid.Int64Range(1, 40)).Draw(t, "counters") {
			s.add(n)
			model[n] = true
		}
		again := parseSpans(s.String())
		for n := int64(0); n <= 41; n++ {
			if s.has(n) != model[n] || again.has(n) != model[n] {
				t.Fatalf("%d: %v, and %v after %q, want %v", n, s.has(n), again.has(n), s.String(), model[n])
			}
		}
	})
}

func TestDamagedSpansAreNone(t *testing.T) {
	for _, text := range []string{"1", "1-", "2-1", "1-3 4-5", "5-6 1-2", "a-b", "1-2 x"} {
		if s := parseSpans(text); len(s.list) != 0 {
			t.Errorf("%q is %v", text, s.list)
		}
	}
}
