package sim

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// own has the breaks that belong to the simulation, root is the repository.
const (
	own  = "planted"
	root = "../.."
)

var (
	planted  = flag.String("planted", "", "a directory of breaks, each of which TestPlantedBreaks must find")
	progress = flag.String("progress", "", "a file that gets the number of each seed before it runs")
)

// A break is a rule that the code no longer keeps. The simulation finds each within -seeds seeds.
// Without -planted the own breaks are only compared with the code that they change.
func TestPlantedBreaks(t *testing.T) {
	dir := *planted
	if dir == "" {
		dir = own
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Run(f.Name(), func(t *testing.T) {
			overlay, err := overlayOf(filepath.Join(dir, f.Name()), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if *planted != "" {
				runPlanted(t, overlay)
			}
		})
	}
}

// runPlanted runs TestSim on the overlay, and fails if it finds nothing.
func runPlanted(t *testing.T, overlay string) {
	t.Helper()
	at := filepath.Join(t.TempDir(), "seed")
	test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-timeout=15m", "-overlay", overlay, "-run=^TestSim$", "./shared/sim",
		"-seeds", fmt.Sprint(*seeds), "-first", fmt.Sprint(*first), "-progress", at)
	test.Dir = root
	out, err := test.CombinedOutput()
	seed, readErr := os.ReadFile(at)
	switch {
	case err == nil:
		t.Errorf("not found in %d seeds", *seeds)
	case readErr != nil:
		t.Errorf("TestSim did not run: %v\n%s", err, out)
	default:
		t.Logf("found at seed %s: %s", seed, firstLine(out))
	}
}

// firstLine returns the first line of a test's output that says what is wrong.
func firstLine(out []byte) string {
	for line := range bytes.Lines(out) {
		if text := string(bytes.TrimSpace(line)); strings.Contains(text, "after ") || strings.HasPrefix(text, "panic:") || strings.HasPrefix(text, "fatal error:") {
			return text
		}
	}
	return string(out)
}

// overlayOf returns the file for go test -overlay of a break, which is one of these:
//
//	NAME.json  the file itself
//	NAME.txt   changes of lines, see change
//	NAME       a directory with files at their places in the repository
func overlayOf(path, room string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	replaced := map[string]string{}
	switch {
	case info.IsDir():
		err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				place, _ := filepath.Rel(path, at)
				replaced[place] = at
			}
			return err
		})
	case strings.HasSuffix(path, ".json"):
		return filepath.Abs(path)
	default:
		err = change(path, room, replaced)
	}
	if err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for place, by := range replaced {
		from, _ := filepath.Abs(filepath.Join(root, place))
		to, _ := filepath.Abs(by)
		overlay.Replace[from] = to
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	at := filepath.Join(room, "overlay.json")
	return at, os.WriteFile(at, text, 0o600)
}

// change makes the files of a break. Its first line says which rule it breaks. After "-- file --"
// the lines with "-" are replaced by those with "+"; they may be parts of lines, and must be in the
// file once.
func change(path, room string, replaced map[string]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file, before, after string
	write := func() error {
		if file == "" {
			return nil
		}
		code, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return err
		}
		before, after = strings.TrimSuffix(before, "\n"), strings.TrimSuffix(after, "\n")
		if n := strings.Count(string(code), before); n != 1 {
			return fmt.Errorf("%s is %d times in %s, want once: write the break for the code as it is now:\n%s", path, n, file, before)
		}
		at := filepath.Join(room, fmt.Sprint(len(replaced), ".go"))
		replaced[file] = at
		return os.WriteFile(at, []byte(strings.Replace(string(code), before, after, 1)), 0o600)
	}
	for line := range strings.Lines(string(text)) {
		name, isFile := strings.CutPrefix(line, "-- ")
		switch {
		case isFile:
			if err := write(); err != nil {
				return err
			}
			file, before, after = strings.TrimSuffix(name, " --\n"), "", ""
		case strings.HasPrefix(line, "-"):
			before += line[1:]
		case strings.HasPrefix(line, "+"):
			after += line[1:]
		}
	}
	return write()
}
