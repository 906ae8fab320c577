package platform

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"passbook/shared/embedded"
	"passbook/shared/embedded/wal"
	"passbook/shared/stream"
	"passbook/shared/table"
)

var resources = Resources{Tables: []table.Schema{{Name: "things"}}, Streams: []string{"events"}}

// config returns the default configuration on a directory.
func config(t *testing.T, dir string) Config {
	t.Helper()
	c, err := FromEnv([]string{"PASSBOOK_DATA=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpenCreatesAndFindsAgain(t *testing.T) {
	ctx, c := t.Context(), config(t, t.TempDir())
	key := table.Key{PK: "a", SK: "-"}
	for start := range 2 {
		e, err := Open(t.Context(), c, resources, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.CreateResources(ctx); err != nil {
			t.Fatal(err)
		}
		if shards, err := e.Streams.Shards(ctx, "passbook-events"); err != nil || len(shards) != 4 {
			t.Fatalf("start %d: %d shards, %v", start, len(shards), err)
		}
		if n := c.ShardsOf("passbook-notifications"); n != 1 {
			t.Fatalf("notifications are made with %d shards", n)
		}
		put := e.Table.Put(ctx, table.Put{Table: "things", Row: table.Row{Key: key}, If: table.Absent()})
		if found := errors.Is(put, table.ErrConditionFailed); put != nil && !found || found != (start == 1) {
			t.Fatalf("start %d: %v", start, put)
		}
		err = e.Bucket.Create(ctx, "one", []byte("1"))
		if start == 0 && err != nil || start == 1 && err == nil {
			t.Fatalf("start %d: %v", start, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenCreatesNoStream(t *testing.T) {
	e, err := Open(t.Context(), config(t, t.TempDir()), resources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Streams.Shards(t.Context(), "passbook-events"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestOneProcessUsesADirectory(t *testing.T) {
	c := config(t, t.TempDir())
	first, err := Open(t.Context(), c, resources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Open(t.Context(), c, resources, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrLocked) {
		t.Errorf("%v", err)
	}
}

func TestADirectoryOfANewerProgramIsNotChanged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), config(t, dir), resources, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrData) {
		t.Errorf("%v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v in the directory, %v", entries, err)
	}
}

func TestBadConfigurationCreatesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	c := config(t, dir)
	c.Store = "floppy"
	if _, err := Open(t.Context(), c, resources, nil); !errors.Is(err, ErrConfig) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}

func TestPresent(t *testing.T) {
	dir := t.TempDir()
	c := config(t, dir)
	if err := Present(c); !errors.Is(err, ErrData) {
		t.Errorf("an empty directory: %v", err)
	}
	e, err := Open(t.Context(), c, resources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Present(c); err != nil {
		t.Error(err)
	}
}

// An error that keeps a data directory from being opened is one line with a remedy.
func TestErrorsOfTheDiskHaveARemedy(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		next string
	}{
		"full":      {&os.PathError{Op: "write", Path: "d", Err: syscall.ENOSPC}, adviceFull},
		"read-only": {&os.PathError{Op: "open", Path: "d", Err: syscall.EROFS}, adviceReadOnly},
		"no right":  {&os.PathError{Op: "open", Path: "d", Err: syscall.EACCES}, adviceNoRight},
		"device":    {&os.PathError{Op: "read", Path: "d", Err: syscall.EIO}, adviceDevice},
		"damaged":   {fmt.Errorf("%w: L5: 000353", embedded.ErrDamaged), adviceDamaged},
		"log":       {fmt.Errorf("%w: %w", embedded.ErrDamaged, &wal.Damage{File: "000010.log", At: 7}), adviceLog},
		"format":    {embedded.ErrFormat, adviceNewer},
	} {
		var unusable *UnusableError
		if err := explainData(Config{Data: "d"}, tt.err); !errors.As(err, &unusable) || unusable.Next != tt.next || strings.Contains(unusable.What, "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := explainData(Config{Data: "d"}, errors.New("anything")); errors.As(err, new(*UnusableError)) {
		t.Errorf("a remedy for %v", err)
	}
}

// A directory that an older program created readable for all is private after it was opened, and so
// are the directories created in it.
func TestDirectoriesAreReadableByTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(filepath.Join(dir, archiveDir), 0o755); err != nil { //nolint:gosec // as an older program did
		t.Fatal(err)
	}
	e, err := Open(t.Context(), config(t, dir), resources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Bucket.Create(t.Context(), "a/b", nil), e.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", archiveDir, archiveDir + "/a"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// A directory with files of another program is refused. An archive to restore from and the files of
// an interrupted first start are accepted.
func TestADirectoryOfAnotherProgramIsNotChanged(t *testing.T) {
	for name, taken := range map[string]bool{"letter.txt": true, "pebble": true, "archive": false, "PID": false, "lost+found": false} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if name == "PID" {
			if err := errors.Join(os.Remove(filepath.Join(dir, name)), os.WriteFile(filepath.Join(dir, name), []byte("1"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		e, err := Open(t.Context(), config(t, dir), resources, slog.New(slog.DiscardHandler))
		if errors.Is(err, ErrData) != taken || !taken && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if e != nil {
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%s: %v in the directory, %v", name, entries, err)
		}
	}
}
