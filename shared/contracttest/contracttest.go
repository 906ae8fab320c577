package contracttest

import (
	"iter"
	"os"
	"strings"
	"testing"
)

// Quotes fails the test if the sentence of a clause does not stand in the comments of the Go files,
// or if two clauses have one name. clauses yields names and sentences.
func Quotes(t *testing.T, clauses iter.Seq2[string, string], files ...string) {
	t.Helper()
	text, seen := comments(t, files), map[string]bool{}
	for name, sentence := range clauses {
		if seen[name] {
			t.Errorf("two clauses have the name %s", name)
		}
		if !strings.Contains(text, sentence) {
			t.Errorf("clause %s: not in the documentation: %q", name, sentence)
		}
		seen[name] = true
	}
	if len(seen) == 0 {
		t.Error("no clauses")
	}
}

// comments returns the comments of files as one line.
func comments(t *testing.T, files []string) string {
	t.Helper()
	var text strings.Builder
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(source)) {
			if comment, ok := strings.CutPrefix(strings.TrimSpace(line), "//"); ok {
				text.WriteString(strings.TrimSpace(comment) + " ")
			}
		}
	}
	return text.String()
}
