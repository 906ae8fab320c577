package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"passbook/shared/progress"
)

// files are those of a small bank, by path.
var files = map[string]string{
	"archive/owner.json": "owner", "archive/events/v2/a": "segment a", "pebble/000004.sst": "table", "pebble/000005.log": "log", "FORMAT": "2\n",
}

// bankOf writes files into a new directory and returns them as sources.
func bankOf(t *testing.T, files map[string]string) (dir string, sources []Source) {
	t.Helper()
	dir = t.TempDir()
	for path, text := range files {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, Source{From: name, Path: path, Size: int64(len(text))})
	}
	return dir, sources
}

// factsAt returns the facts of a backup that is taken at a second.
func factsAt(second int) Facts {
	return Facts{Bank: "B", Stream: "events", Life: time.Unix(1000, 0).UTC(), Taken: time.Unix(int64(2000+second), 0).UTC()}
}

// backUp makes a backup, or returns why there is none.
func backUp(t *testing.T, dir string, facts Facts, sources []Source) (*Draft, error) {
	t.Helper()
	d, err := Open(t.Context(), dir, facts, Options{})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = d.Copy(t.Context(), sources)
	if err == nil {
		err = d.Check(t.Context())
	}
	if err == nil {
		_, err = d.Finish(facts)
	}
	return d, err
}

// restored restores a backup and returns the files by path.
func restored(t *testing.T, dir string) map[string]string {
	t.Helper()
	m, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "new")
	if err := m.Restore(t.Context(), to, Options{}); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err = filepath.WalkDir(to, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		path, err := filepath.Rel(to, name)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		found[filepath.ToSlash(path)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checkSame compares what was restored with what was backed up.
func checkSame(t *testing.T, want, got map[string]string) {
	t.Helper()
	for path, text := range want {
		if got[path] != text {
			t.Errorf("%s: %q, want %q", path, got[path], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d: %v", len(got), len(want), got)
	}
}

func TestABackupIsRestoredAsItWas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "backup")
	_, sources := bankOf(t, files)
	d, err := backUp(t, dir, factsAt(0), sources)
	if err != nil {
		t.Fatal(err)
	}
	if d.Carried != 0 || d.Copied != 24 {
		t.Errorf("%d copied, %d carried", d.Copied, d.Carried)
	}
	checkSame(t, files, restored(t, dir))
	m, err := Read(dir)
	if err != nil || m.Facts != factsAt(0) || m.Bytes() != 24 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestTheNextBackupCopiesOnlyWhatIsNew(t *testing.T) {
	dir := t.TempDir()
	_, sources := bankOf(t, files)
	if _, err := backUp(t, dir, factsAt(0), sources); err != nil {
		t.Fatal(err)
	}
	later := map[string]string{
		"archive/owner.json": "owner", "archive/events/v2/a": "segment a", "archive/events/v2/b": "segment b", // one is new
		"pebble/000004.sst": "table", "pebble/000006.sst": "elbat", "pebble/000007.log": "log", "FORMAT": "2\n",
	}
	_, sources = bankOf(t, later)
	d, err := backUp(t, dir, factsAt(1), sources)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len("owner" + "segment a" + "table")); d.Carried != want || d.Copied != int64(len("segment b"+"elbat"+"log"+"2\n")) {
		t.Errorf("%d copied, %d carried, want %d", d.Copied, d.Carried, want)
	}
	checkSame(t, later, restored(t, dir))
	if old, err := os.ReadDir(filepath.Join(dir, databaseRoot)); err != nil || len(old) != 1 {
		t.Errorf("databases: %v, %v", old, err)
	}
}

// A table of the same name and size may have other content, in a database that was restored.
func TestATableOfTheSameNameIsNotTakenForTheSame(t *testing.T) {
	dir := t.TempDir()
	_, sources := bankOf(t, files)
	if _, err := backUp(t, dir, factsAt(0), sources); err != nil {
		t.Fatal(err)
	}
	changed := map[string]string{"pebble/000004.sst": "other", "FORMAT": "2\n"}
	_, sources = bankOf(t, changed)
	if _, err := backUp(t, dir, factsAt(1), sources); err != nil {
		t.Fatal(err)
	}
	checkSame(t, changed, restored(t, dir))
}

// Somebody puts back an object that was damaged, as the runbook says: the next backup has it.
func TestAnObjectThatWasPutBackIsCopiedAgain(t *testing.T) {
	dir := t.TempDir()
	from, sources := bankOf(t, files)
	name, first := filepath.Join(from, "archive", "events", "v2", "a"), time.Unix(5000, 0)
	take := func(second int, text string, at time.Time) {
		t.Helper()
		if err := errors.Join(os.WriteFile(name, []byte(text), 0o600), os.Chtimes(name, at, at)); err != nil {
			t.Fatal(err)
		}
		for i := range sources {
			info, err := os.Stat(sources[i].From)
			if err != nil {
				t.Fatal(err)
			}
			sources[i].Modified = info.ModTime()
		}
		if _, err := backUp(t, dir, factsAt(second), sources); err != nil {
			t.Fatal(err)
		}
	}
	take(0, "segment x", first)
	take(1, files["archive/events/v2/a"], first.Add(time.Second))
	checkSame(t, files, restored(t, dir))
}

// Who reads a backup keeps others from replacing it, and the other way round.
func TestABackupIsNotReplacedWhileItIsRead(t *testing.T) {
	dir := t.TempDir()
	_, sources := bankOf(t, files)
	if _, err := backUp(t, dir, factsAt(0), sources); err != nil {
		t.Fatal(err)
	}
	m, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	release, err := m.hold()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backUp(t, dir, factsAt(1), sources); !errors.Is(err, ErrBusy) {
		t.Errorf("a backup beside a reader: %v", err)
	}
	// one with patience begins as soon as the reader has ended
	p := progress.New()
	opened := make(chan *Draft)
	go func() {
		d, err := Open(t.Context(), dir, factsAt(1), Options{Patience: time.Minute, Progress: p})
		if err != nil {
			t.Error(err)
		}
		opened <- d
	}()
	for p.Snapshot().Done == 0 {
		runtime.Gosched()
	}
	release()
	if d := <-opened; d == nil {
		t.FailNow()
	} else if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), dir, factsAt(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(t.Context(), Options{}); !errors.Is(err, ErrBusy) {
		t.Errorf("a reader beside a backup: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := backUp(t, dir, factsAt(2), sources); err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(t.Context(), Options{}); !errors.Is(err, ErrBusy) {
		t.Errorf("a manifest that was replaced: %v", err)
	}
}

// An interruption is a draft that was never finished, though it has copied everything.
func TestAnInterruptedBackupIsNone(t *testing.T) {
	dir := t.TempDir()
	_, sources := bankOf(t, files)
	interrupted := func(second int) {
		t.Helper()
		d, err := Open(t.Context(), dir, factsAt(second), Options{})
		if err == nil {
			err = errors.Join(d.Copy(t.Context(), sources), d.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	interrupted(0)
	if _, err := Read(dir); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "not finished") {
		t.Fatalf("an interrupted backup: %v", err)
	}
	if _, err := backUp(t, dir, factsAt(1), sources); err != nil {
		t.Fatalf("the one after it: %v", err)
	}
	_, sources = bankOf(t, map[string]string{"pebble/000009.sst": "new", "FORMAT": "2\n"})
	interrupted(2)
	m, err := Read(dir)
	if err != nil || !m.Taken.Equal(factsAt(1).Taken) || m.Verify(t.Context(), Options{}) != nil {
		t.Fatalf("the backup before the interruption: %v", err)
	}
	checkSame(t, files, restored(t, dir))
}

func TestDamageIsNamed(t *testing.T) {
	for name, damage := range map[string]struct {
		path string
		do   func(name string) error
		says string
	}{
		"changed":           {"archive/events/v2/a", func(n string) error { return os.WriteFile(n, []byte("segment b"), 0o600) }, "archive/events/v2/a was changed"},
		"cut":               {"archive/owner.json", func(n string) error { return os.Truncate(n, 2) }, "archive/owner.json has 2 bytes, not 5"},
		"missing":           {"archive/owner.json", os.Remove, "archive/owner.json is missing"},
		"a table":           {"database/19700101T003320.000000Z/pebble/000004.sst", os.Remove, "pebble/000004.sst is missing"},
		"a changed list":    {manifestFile, func(n string) error { return edit(n, "000004", "000009") }, "manifest.json was changed"},
		"a list that ended": {manifestFile, func(n string) error { return os.Truncate(n, 40) }, "manifest.json: unexpected end"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, sources := bankOf(t, files)
			if _, err := backUp(t, dir, factsAt(0), sources); err != nil {
				t.Fatal(err)
			}
			if err := damage.do(filepath.Join(dir, filepath.FromSlash(damage.path))); err != nil {
				t.Fatal(err)
			}
			m, err := Read(dir)
			for what, do := range map[string]func() error{
				"verify":  func() error { return m.Verify(t.Context(), Options{}) },
				"restore": func() error { return m.Restore(t.Context(), filepath.Join(t.TempDir(), "new"), Options{}) },
			} {
				found := err
				if found == nil {
					found = do()
				}
				if !errors.Is(found, ErrDamaged) || !strings.Contains(found.Error(), damage.says) {
					t.Errorf("%s: %v, want %q", what, found, damage.says)
				}
			}
		})
	}
}

// edit replaces a text in a file.
func edit(name, from, to string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(strings.ReplaceAll(string(text), from, to)), 0o600)
}

func TestOnlyADirectoryForBackupsOfTheBankIsUsed(t *testing.T) {
	_, sources := bankOf(t, files)
	mine := t.TempDir()
	if _, err := backUp(t, mine, factsAt(0), sources); err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other, reborn := factsAt(1), factsAt(1)
	other.Bank, reborn.Life = "C", time.Unix(1500, 0)
	for name, tt := range map[string]struct {
		dir   string
		facts Facts
		says  string
	}{
		"another's files": {foreign, factsAt(1), "contains letter"},
		"another bank":    {mine, other, "of bank B"},
		"another life":    {mine, reborn, "created again"},
	} {
		if _, err := backUp(t, tt.dir, tt.facts, sources); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, err := os.ReadDir(foreign); err != nil || len(entries) != 1 {
		t.Errorf("a foreign directory was changed: %v, %v", entries, err)
	}
	checkSame(t, files, restored(t, mine))
}

func TestTwoBackupsIntoOneDirectoryAreRefused(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(t.Context(), dir, factsAt(0), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, factsAt(1), Options{}); !errors.Is(err, ErrBusy) {
		t.Errorf("the second: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err = Open(t.Context(), dir, factsAt(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABackupThatDoesNotFitIsNotBegun(t *testing.T) {
	_, sources := bankOf(t, files)
	sources[0].Size = 1 << 60
	dir := t.TempDir()
	if _, err := backUp(t, dir, factsAt(0), sources); !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), "another volume") {
		t.Errorf("%v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("something was copied: %v, %v", entries, err)
	}
}

// A manifest is only believed where its paths stay in the new data directory.
func TestAManifestThatLeadsElsewhereIsRefused(t *testing.T) {
	for _, path := range []string{"../outside", "archive/../../outside", "/etc/passwd", "elsewhere/x", "database/x/../../archive/y"} {
		dir := t.TempDir()
		m := &Manifest{Format: Format, Facts: factsAt(0), Database: "database/x", Files: []File{{Path: path}}}
		if err := m.write(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := (&Manifest{Format: Format + 1}).write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("%v", err)
	}
}

// The pace waits once its first block is used up, until the context ends.
func TestABackupKeepsToItsRateAndEndsWithItsContext(t *testing.T) {
	_, sources := bankOf(t, map[string]string{"archive/large": strings.Repeat("x", 3*minBlock)})
	dir := t.TempDir()
	d, err := Open(t.Context(), dir, factsAt(0), Options{Rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := d.Copy(ctx, sources); err == nil {
		t.Error("three blocks at one byte a second did not wait")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
}
