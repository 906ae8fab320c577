package creditlimit

import (
	"testing"

	"pgregory.net/rapid"
)

// Marks agree with the declines that they are of, in a few hundred bytes, and between two of them
// there are never many versions to read.
func TestMarksTellWhereDeclinesWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		up := []int64{0} // declines up to each version
		for run := rapid.IntRange(1, 12).Draw(t, "runs"); run > 0; run-- {
			every := rapid.IntRange(1, 400).Draw(t, "every")
			for range rapid.IntRange(1, 3000).Draw(t, "versions") {
				if len(up)%every == 0 {
					s.Declines++
					s.Marks = s.mark(int64(len(up)))
				}
				up = append(up, s.Declines)
			}
		}
		head := int64(len(up) - 1)
		if len(s.Marks) > 500 || textOf(marksOf(s.Marks)) != s.Marks {
			t.Fatalf("%d bytes of marks: %q", len(s.Marks), s.Marks)
		}
		var before count
		for _, c := range known(Row{Version: head, State: s}) {
			if c.declines != up[c.version] {
				t.Fatalf("%d declines up to v%d, there were %d", c.declines, c.version, up[c.version])
			}
			if c.declines != before.declines+1 && c.declines != before.declines && c.version-before.version > 2*head/maxMarks+1 {
				t.Fatalf("%d declines between v%d and v%d, of %d versions", c.declines-before.declines, before.version, c.version, head)
			}
			before = c
		}
		if before.version != head {
			t.Fatalf("the last count is that of v%d, not v%d", before.version, head)
		}
	})
}

// Declines that an earlier release folded without marks leave all later ones without.
func TestMarksAreOfAllDeclinesOrNone(t *testing.T) {
	s := State{Declines: 3}
	s.Declines++
	if got := s.mark(10); got != "" {
		t.Fatalf("%q", got)
	}
	if got := known(Row{Version: 10, State: s}); len(got) != 2 || got[1] != (count{10, 4}) {
		t.Fatal(got)
	}
	for _, wrong := range []string{"5 no!", "5 -1", "5 1", "1 1 1 zz", "1.5"} {
		if got := known(Row{Version: 10, State: State{Declines: 4, Marks: wrong}}); len(got) != 2 {
			t.Fatal(wrong, got)
		}
	}
}
