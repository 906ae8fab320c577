package apikey

import (
	"crypto/sha256"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAKeyIsReadAsItWasMade(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		made := Generate()
		id, sum, ok := parse(made.Text)
		if !ok || id != made.ID || sum != made.Sum || seen[id] {
			t.Fatalf("%q is read as %q, %v", made.Text, id, ok)
		}
		if parts := strings.Split(made.Text, "_"); len(parts) != 3 || parts[0] != "pb" || parts[1] != id || sum != sha256.Sum256([]byte(parts[2])) {
			t.Fatalf("%q is not pb_<id>_<secret>", made.Text)
		}
		seen[id] = true
	}
}

// A wrong character, two that are exchanged, one that is missing or too many: none of these is a
// key of which another secret is known.
func TestATypingMistakeIsNoKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(Generate().Text)
		right, at := string(text), rapid.IntRange(0, textLength-2).Draw(t, "at")
		switch rapid.IntRange(0, 3).Draw(t, "mistake") {
		case 0:
			text[at] = rapid.Byte().Draw(t, "another")
		case 1:
			text[at], text[at+1] = text[at+1], text[at]
		case 2:
			text = append(text[:at], text[at+1:]...)
		case 3:
			text = append(text[:at+1], text[at:]...)
		}
		if _, _, ok := parse(string(text)); ok != (string(text) == right) {
			t.Errorf("%q is read as a key", text)
		}
	})
}

// Each character of the alphabet is drawn about as often as any other: 62 counts of about 9,677, of
// which none is 10 % off by chance.
func TestCharactersAreEquallyLikely(t *testing.T) {
	counts := map[byte]int{}
	for _, c := range appendRandom(nil, 600_000) {
		counts[c]++
	}
	for _, c := range []byte(alphabet) {
		if n := counts[c]; n < 8710 || n > 10_644 {
			t.Errorf("%c was drawn %d times", c, n)
		}
	}
	if len(counts) != len(alphabet) {
		t.Errorf("%d characters were drawn", len(counts))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Generate().Text)
	f.Add("")
	f.Add("pb_")
	f.Add(strings.Repeat("_", textLength))
	f.Fuzz(func(t *testing.T, text string) {
		id, _, ok := parse(text)
		if ok && (!ValidID(id) || !strings.HasPrefix(text, prefix+id+"_")) {
			t.Errorf("%q is read as key %q", text, id)
		}
	})
}
