package platform

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/embedded"
)

// number commits a number under a name.
func number(ctx context.Context, db *embedded.DB, name string, n uint64) error {
	return db.Commit(ctx, embedded.Write{Stage: func(b *pebble.Batch) error {
		return b.Set([]byte(name), binary.BigEndian.AppendUint64(nil, n), nil)
	}})
}

// numbers opens the database of a snapshot and returns its two numbers.
func numbers(t *testing.T, dir string) (published, named uint64) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	view, err := db.View()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Release(view)
	for name, to := range map[string]*uint64{"published": &published, "named": &named} {
		if _, err := view.Get([]byte(name), func(v []byte) error { *to = binary.BigEndian.Uint64(v); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return published, named
}

// A writer publishes a number, makes an object of it, and names the object in the database, as
// stream, archiver and checkpoint do. In no snapshot is the archive ahead of what was published, or
// behind what is named.
func TestASnapshotIsOfOneMoment(t *testing.T) {
	data := t.TempDir()
	db, err := embedded.Open(embedded.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	archive, err := dirbucket.New(filepath.Join(data, archiveDir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&embeddedStore{db: db, archive: archive, data: data}).Snapshot(t.Context()); err == nil || !strings.Contains(err.Error(), "owner.json") {
		t.Fatalf("an archive without an owner: %v", err)
	}
	if err := archive.Create(t.Context(), "owner.json", nil); err != nil {
		t.Fatal(err)
	}
	store := &embeddedStore{db: db, archive: archive, data: data}
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := uint64(1); ctx.Err() == nil; n++ {
			err := number(t.Context(), db, "published", n)
			if err == nil {
				err = archive.Create(t.Context(), fmt.Sprint("o/", n), nil)
			}
			if err == nil {
				err = number(t.Context(), db, "named", n)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	defer writer.Wait()
	defer stop()
	for range 40 {
		taken, err := store.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		published, named := numbers(t, taken.Data)
		if listed := uint64(len(taken.Archive)) - 1; listed < named || listed > published {
			t.Fatalf("%d objects, where the database has published %d and names %d", listed, published, named)
		}
		if err := taken.Remove(); err != nil {
			t.Fatal(err)
		}
	}
}

// The archive may be on another volume, behind a link.
func TestAnArchiveBehindALinkIsInTheSnapshot(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	if err := os.Symlink(other, filepath.Join(data, archiveDir)); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"owner.json": "owner", "key": "key", "events/v2/a": "a", ".tmp/draft": "draft"} {
		name := filepath.Join(other, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("a", filepath.Join(other, "events", "v2", "b")), os.Symlink("nowhere", filepath.Join(other, "events", "v2", "c"))); err != nil {
		t.Fatal(err)
	}
	files, err := list(t.Context(), data, archiveDir)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, f := range files {
		found += fmt.Sprintf("%s %d\n", f.Path, f.Size)
	}
	if found != "archive/events/v2/a 1\narchive/events/v2/b 1\narchive/key 3\narchive/owner.json 5\n" {
		t.Errorf("the list is\n%s", found)
	}
	if err := os.Symlink(filepath.Join(other, "events"), filepath.Join(other, "more")); err != nil {
		t.Fatal(err)
	}
	if _, err := list(t.Context(), data, archiveDir); err == nil || !strings.Contains(err.Error(), "a link to a directory") {
		t.Errorf("a link to a directory: %v", err)
	}
}

func TestARetiredDirectoryIsNotOpened(t *testing.T) {
	data := t.TempDir()
	db, err := embedded.Open(embedded.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Retire(data); !errors.Is(err, ErrLocked) {
		t.Errorf("a directory that is in use: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Retire(data)
	if err == nil {
		err = errors.Join(r.Mark("it is elsewhere"), r.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	var unusable *UnusableError
	if err := checkRetired(data); !errors.As(err, &unusable) || !errors.Is(err, ErrData) || unusable.What != "the data directory "+data+" was retired: it is elsewhere" {
		t.Errorf("%v", err)
	}
	if _, err := Retire(filepath.Join(data, "none")); !errors.Is(err, ErrData) {
		t.Errorf("a directory without a bank: %v", err)
	}
}

func TestAnInterruptedRestoreIsNoBank(t *testing.T) {
	data := t.TempDir()
	for _, name := range []string{PartialRestore, "pebble", "another"} {
		if err := os.Mkdir(filepath.Join(data, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var unusable *UnusableError
	if err := checkForeign(data); !errors.As(err, &unusable) || unusable.Next != adviceRestore {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(data, "FORMAT"), []byte("2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkForeign(data); err != nil { // the last step, to remove what is empty, was interrupted
		t.Errorf("%v", err)
	}
}
