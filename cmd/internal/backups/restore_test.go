package backups

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passbook/shared/backup"
	"passbook/shared/event"
	"passbook/shared/platform"
)

// aBackup makes a backup of three small files.
func aBackup(t *testing.T) *backup.Manifest {
	t.Helper()
	from, dir := t.TempDir(), t.TempDir()
	var sources []backup.Source
	for path, text := range map[string]string{"FORMAT": "2\n", "pebble/000001.log": "log", "archive/owner.json": "owner"} {
		name := filepath.Join(from, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, backup.Source{From: name, Path: path, Size: int64(len(text))})
	}
	facts := backup.Facts{Bank: "B", Stream: "events", Taken: time.Unix(2000, 0).UTC()}
	draft, err := backup.Open(t.Context(), dir, facts, backup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = draft.Copy(t.Context(), sources)
	if err == nil {
		_, err = draft.Finish(facts)
	}
	if err = errors.Join(err, draft.Close()); err != nil {
		t.Fatal(err)
	}
	m, err := backup.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// into returns a restoration into a directory, whose last step ends with an error.
func into(data string, m *backup.Manifest, finish error) Restoration {
	return Restoration{Backup: m, Config: platform.Config{Data: data}, Finish: func(_ context.Context, c platform.Config) (time.Time, error) {
		if c.Data != filepath.Join(data, platform.PartialRestore) {
			return time.Time{}, errors.New("finished elsewhere")
		}
		return time.Unix(3000, 0), finish
	}}
}

// checkBank checks that a directory is a bank, with nothing else.
func checkBank(t *testing.T, data string) {
	t.Helper()
	for path, want := range map[string]string{"FORMAT": "2\n", "pebble/000001.log": "log", "archive/owner.json": "owner"} {
		if text, err := os.ReadFile(filepath.Join(data, filepath.FromSlash(path))); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if entries, err := os.ReadDir(data); err != nil || len(entries) != len(moved) {
		t.Errorf("%v, %v", entries, err)
	}
}

// A restore may be interrupted while it copies, while it proves, and between any two of the renames
// at its end. Until the last of them there is no FORMAT, and the same command begins again.
func TestARestoreThatIsInterruptedBeginsAgain(t *testing.T) {
	m := aBackup(t)
	for renames := range len(moved) {
		data := filepath.Join(t.TempDir(), "new")
		failed := errors.New("not proven")
		if _, err := Restore(t.Context(), into(data, m, failed), nil); !errors.Is(err, failed) {
			t.Fatal(err)
		}
		for _, name := range moved[:renames] {
			if err := os.Rename(filepath.Join(data, platform.PartialRestore, name), filepath.Join(data, name)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(filepath.Join(data, "FORMAT")); err == nil {
			t.Fatalf("after %d renames there is a bank", renames)
		}
		done, err := Restore(t.Context(), into(data, m, nil), nil)
		if err != nil || !done.NewLife.Equal(time.Unix(3000, 0)) || done.Files != 3 {
			t.Fatalf("again, after %d renames: %+v, %v", renames, done, err)
		}
		checkBank(t, data)
	}
}

func TestARestoreOverwritesNothing(t *testing.T) {
	m := aBackup(t)
	for name, file := range map[string]string{"a bank": "FORMAT", "other files": "letter", "an archive": "archive"} {
		data := t.TempDir()
		if err := os.WriteFile(filepath.Join(data, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), into(data, m, nil), nil); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	finished := t.TempDir() // the removal of the empty directory was interrupted, after FORMAT had its place
	for _, name := range append([]string{platform.PartialRestore}, moved...) {
		if err := os.Mkdir(filepath.Join(finished, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Restore(t.Context(), into(finished, m, nil), nil); !errors.Is(err, ErrInUse) {
		t.Errorf("a bank that was restored: %v", err)
	}
}

// olderBank makes the data directory of a bank.
func olderBank(t *testing.T, id string) (data string) {
	t.Helper()
	data = t.TempDir()
	for path, text := range map[string]string{"FORMAT": "2\n", "archive/owner.json": `{"bank":"` + id + `"}`} {
		name := filepath.Join(data, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

func TestTwoRestoresIntoOneDirectoryAreRefused(t *testing.T) {
	m, data := aBackup(t), filepath.Join(t.TempDir(), "new")
	r := into(data, m, nil)
	first := r.Finish
	r.Finish = func(ctx context.Context, c platform.Config) (time.Time, error) {
		if _, err := Restore(ctx, into(data, m, nil), nil); !errors.Is(err, ErrRestoring) {
			t.Errorf("a second restore, while the first is not at its end: %v", err)
		}
		return first(ctx, c)
	}
	if _, err := Restore(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	checkBank(t, data)
}

func TestABackupIsNotRestoredIntoItself(t *testing.T) {
	m := aBackup(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(m.Dir(), link); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{filepath.Join(m.Dir(), "database", "new"), filepath.Join(link, "new"), filepath.Dir(m.Dir())} {
		if _, err := Restore(t.Context(), into(data, m, nil), nil); !errors.Is(err, ErrNested) {
			t.Errorf("%s: %v", data, err)
		}
	}
	m.EntryFormat = event.Format + 1
	if _, err := Restore(t.Context(), into(filepath.Join(t.TempDir(), "new"), m, nil), nil); !errors.Is(err, backup.ErrFormat) {
		t.Errorf("a newer format: %v", err)
	}
}

// The older bank is retired only once the restored one is proven.
func TestTheOlderBankIsRetiredWhenTheRestoredOneIsProven(t *testing.T) {
	m, older, other := aBackup(t), olderBank(t, "B"), olderBank(t, "C")
	retired := filepath.Join(older, "RETIRED")
	r := into(filepath.Join(t.TempDir(), "new"), m, errors.New("not proven"))
	r.Retire = older
	if _, err := Restore(t.Context(), r, nil); err == nil {
		t.Fatal("not proven, and restored")
	}
	if _, err := os.Stat(retired); err == nil {
		t.Fatal("retired, though nothing is restored")
	}
	r = into(r.Config.Data, m, nil)
	r.Retire, r.DryRun = older, true
	if _, err := Restore(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(retired); err == nil {
		t.Fatal("retired by a dry run")
	}
	r.Retire = other
	if _, err := Restore(t.Context(), r, nil); !errors.Is(err, ErrOther) {
		t.Fatalf("a dry run that would retire another bank: %v", err)
	}
	r.DryRun, r.Retire = false, older
	done, err := Restore(t.Context(), r, nil)
	if err != nil || done.Retired != older {
		t.Fatalf("%+v, %v", done, err)
	}
	if text, err := os.ReadFile(retired); err != nil || !strings.Contains(string(text), r.Config.Data) {
		t.Errorf("%q, %v", text, err)
	}
	checkBank(t, r.Config.Data)
}

func TestABackupIsNotMadeInTheDataDirectory(t *testing.T) {
	for dir, want := range map[string]bool{"/a/data": true, "/a/data/backup": true, "/a/data/../data/x": true, "/a/backup": false, "/a/data2": false, "/a": false} {
		if inside("/a/data", dir) != want {
			t.Errorf("%s: %t", dir, !want)
		}
	}
}
