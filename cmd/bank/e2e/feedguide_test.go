package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestProgramsOfTheFeedGuideKeepACopy runs the programs of docs/feed.md twice each: the second run
// continues the copy of the first.
func TestProgramsOfTheFeedGuideKeepACopy(t *testing.T) {
	text, err := os.ReadFile("../../../docs/feed.md")
	if err != nil {
		t.Fatal(err)
	}
	b := serve(t, t.TempDir())
	dirs := map[string]string{"python": t.TempDir(), "go": t.TempDir(), "sh": t.TempDir()}
	for round := range 2 {
		for i := range 5 {
			b.open(t, fmt.Sprintf("G-%d", 5*round+i), int64(100*(round+i+1)))
		}
		for language, dir := range dirs {
			out := runGuide(t, string(text), language, dir, b.Base)
			if language != "sh" {
				out = copied(t, dir)
			}
			for i := range 5*round + 5 {
				id := fmt.Sprintf("G-%d", i)
				events := b.history(t, id)
				want := fmt.Sprintf("%s %d %d", id, len(events), events[len(events)-1].After.Posted)
				if !strings.Contains(out, want+"\n") {
					t.Errorf("%s, run %d: no line %q in\n%s", language, round+1, want, out)
				}
			}
		}
	}
}

// runGuide runs the program of a language in a directory, and returns what it printed.
func runGuide(t *testing.T, guide, language, dir, base string) string {
	t.Helper()
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(guide, -1)
	if len(blocks) != 1 {
		t.Fatalf("docs/feed.md has %d programs in %s", len(blocks), language)
	}
	file := filepath.Join(dir, map[string]string{"python": "guide.py", "go": "guide.go", "sh": "guide.sh"}[language])
	if err := os.WriteFile(file, []byte(blocks[0][1]), 0o600); err != nil {
		t.Fatal(err)
	}
	words := map[string][]string{"python": {"python3", file}, "go": {"go", "run", "-trimpath", file}, "sh": {"sh", file}}[language]
	command := exec.CommandContext(t.Context(), words[0], words[1:]...)
	command.Dir = dir
	command.Env = append(os.Environ(), "BANK="+base, "QUERY=from=earliest&until=now", "KEY=")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", language, err, out)
	}
	return string(out)
}

// copied returns the accounts of a copy as lines of id, version and balance.
func copied(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "copy.json"))
	if err != nil {
		t.Fatal(err)
	}
	type balance struct{ Posted int64 }
	var mirror struct {
		Accounts map[string]struct {
			balance
			Version int64
			After   balance
		}
	}
	if err := json.Unmarshal(text, &mirror); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for id, a := range mirror.Accounts {
		fmt.Fprintln(&lines, id, a.Version, a.Posted+a.After.Posted) // one of them has it
	}
	return lines.String()
}
