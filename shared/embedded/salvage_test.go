package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// killed returns the data directory of a process that was killed after so many commits, and the
// path of its log.
func killed(t *testing.T, commits int) (dir, log string) {
	t.Helper()
	live, dir := t.TempDir(), t.TempDir()
	db := mustOpen(t, Options{Dir: live})
	for i := range commits {
		if err := db.Commit(t.Context(), set(fmt.Sprintf("k%03d", i), strings.Repeat("v", 200))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	logs, err := filepath.Glob(filepath.Join(dir, engineDir, "*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	return dir, logs[0]
}

// damage flips a bit of a file.
func damage(t *testing.T, file string, at int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text[at] ^= 1
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOneByteOfTheLog flips a bit near the end of the log. The commit there was answered, so the
// directory is refused; after Salvage it opens without the commits behind the damage.
func TestOneByteOfTheLog(t *testing.T) {
	dir, log := killed(t, 300)
	damage(t, log, 68_000) // of 69,300
	before := files(t, dir)
	_, err := Open(Options{Dir: dir})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), log) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("open: %v", err)
	}
	s, err := Salvage(Options{Dir: dir}, true)
	if err != nil || s.Damage == nil {
		t.Fatalf("dry run: %+v, %v", s, err)
	}
	after := files(t, dir)
	delete(after, filepath.Join(dir, pidFile))
	delete(before, filepath.Join(dir, pidFile))
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Fatal("a refusal or a dry run has changed the directory")
	}
	if s, err = Salvage(Options{Dir: dir}, false); err != nil || s.Damage == nil {
		t.Fatalf("salvage: %+v, %v", s, err)
	}
	if text := files(t, dir)[s.Copy]; text != before[log] {
		t.Error("the log as it was is not kept")
	}
	db := mustOpen(t, Options{Dir: dir})
	defer mustClose(t, db)
	lost := 0
	for i := range 300 {
		switch got := get(t, db, fmt.Sprintf("k%03d", i)); {
		case got == "":
			lost++
		case lost > 0:
			t.Fatalf("k%03d is there and one before it is not", i)
		}
	}
	if lost == 0 || lost > 20 {
		t.Errorf("%d of 300 commits lost", lost)
	}
}

func TestSalvageDoesNotChangeAnIntactLog(t *testing.T) {
	dir, log := killed(t, 10)
	if s, err := Salvage(Options{Dir: dir}, false); err != nil || s.Damage != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := os.Stat(log); err != nil {
		t.Error(err)
	}
	db := mustOpen(t, Options{Dir: dir})
	defer mustClose(t, db)
	if get(t, db, "k009") == "" {
		t.Error("the last commit is gone")
	}
	if _, err := Salvage(Options{Dir: t.TempDir()}, false); !errors.Is(err, ErrFormat) {
		t.Errorf("salvage of nothing: %v", err)
	}
}

// Pebble describes damage in 60 lines, Open in one.
func TestDamageIsOneLine(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"no table":    func(dir string) error { return remove(dir, "*.sst") },
		"no manifest": func(dir string) error { return remove(dir, "MANIFEST-*") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := killed(t, 5)
			mustClose(t, mustOpen(t, Options{Dir: dir})) // the log becomes a table
			if err := harm(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "\n") {
				t.Errorf("open: %v", err)
			}
		})
	}
}

func remove(dir, pattern string) error {
	found, err := filepath.Glob(filepath.Join(dir, engineDir, pattern))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("no %s: %w", pattern, err)
	}
	for _, name := range found {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
