package streamtest

import (
	"os"
	"strings"
	"testing"
)

// TestQuotes finds each clause's sentence in the port's documentation, and no name twice.
func TestQuotes(t *testing.T) {
	var text strings.Builder
	for _, file := range []string{"../stream.go", "../doc.go"} {
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
	seen := map[string]bool{}
	for _, c := range clauses() {
		if seen[c.name] || !strings.Contains(text.String(), c.says) {
			t.Errorf("clause %s: twice, or not in the documentation: %q", c.name, c.says)
		}
		seen[c.name] = true
	}
}
