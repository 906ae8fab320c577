package dirbucket_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"passbook/shared/bucket"
	"passbook/shared/bucket/buckettest"
	"passbook/shared/bucket/dirbucket"
)

func open(t testing.TB, dir string) *dirbucket.Bucket {
	t.Helper()
	b, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestContract(t *testing.T) {
	buckettest.Run(t, func(t testing.TB) (first, second bucket.Bucket) {
		dir := filepath.Join(t.TempDir(), "made", "here")
		return open(t, dir), open(t, dir)
	})
}

// drafts returns the files in the directory of the drafts.
func drafts(t *testing.T, dir string) []fs.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, ".tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestNewRemovesDraftsThatNoProcessHasLocked(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.Create(context.Background(), "a/b", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if left := drafts(t, dir); len(left) > 0 {
		t.Fatalf("a Create leaves %v", left)
	}
	// The drafts of a program that died before its link, of one that died after it, and of one that
	// still writes.
	half, linked, busy := filepath.Join(dir, ".tmp", "object-1"), filepath.Join(dir, ".tmp", "object-2"), filepath.Join(dir, ".tmp", "object-3")
	for _, path := range []string{half, linked, busy} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(linked, filepath.Join(dir, "a", "c")); err != nil {
		t.Fatal(err)
	}
	writer, err := os.Open(busy)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := syscall.Flock(int(writer.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	b = open(t, dir)
	if left := drafts(t, dir); len(left) != 1 || left[0].Name() != "object-3" {
		t.Fatalf("drafts: %v", left)
	}
	page, err := b.List(context.Background(), "", "")
	if err != nil || len(page.Objects) != 2 || page.Objects[0].Key != "a/b" || page.Objects[1].Key != "a/c" {
		t.Fatalf("objects: %v, %v", page, err)
	}
}

func TestReservedAndConflictingKeys(t *testing.T) {
	ctx := context.Background()
	b := open(t, t.TempDir())
	for _, key := range []string{".tmp", ".tmp/x"} {
		if err := b.Create(ctx, key, nil); !errors.Is(err, bucket.ErrInvalid) {
			t.Errorf("create %s: %v", key, err)
		}
		if _, err := b.Open(ctx, key); !errors.Is(err, bucket.ErrInvalid) {
			t.Errorf("open %s: %v", key, err)
		}
	}
	for _, key := range []string{"a/b", "c", "x/.tmp/y"} {
		if err := b.Create(ctx, key, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a", "c/d", "c/d/e"} {
		if err := b.Create(ctx, key, nil); !errors.Is(err, bucket.ErrInvalid) {
			t.Errorf("create %s beside a/b and c: %v", key, err)
		}
	}
	for _, prefix := range []string{".tmp", ".tmp/", ".t"} {
		if page, err := b.List(ctx, prefix, ""); err != nil || len(page.Objects) > 0 {
			t.Errorf("list %s: %v, %v", prefix, page, err)
		}
	}
}

func TestNewOnAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dirbucket.New(path); err == nil {
		t.Fatal("a file was opened as a bucket")
	}
}

func BenchmarkCreate(b *testing.B) {
	bucket := open(b, b.TempDir())
	data := make([]byte, 64<<10)
	for i := range b.N {
		if err := bucket.Create(context.Background(), fmt.Sprintf("bench/%d/%d", i%26, i), data); err != nil {
			b.Fatal(err)
		}
	}
}

// A copy that somebody checks is as it was afterwards, and may be where nothing can be written.
func TestExistingWritesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("text"), 0o400); err != nil {
		t.Fatal(err)
	}
	b, err := dirbucket.Existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), "b", nil); err == nil {
		t.Error("an object was created")
	}
	page, err := b.List(t.Context(), "", "")
	entries, bad := os.ReadDir(dir)
	if err := errors.Join(err, bad); err != nil || len(page.Objects) != 1 || len(entries) != 1 {
		t.Errorf("%v, %v, %v", page, entries, err)
	}
	for _, missing := range []string{filepath.Join(dir, "a"), filepath.Join(dir, "none")} {
		if _, err := dirbucket.Existing(missing); err == nil {
			t.Errorf("%s was opened", missing)
		}
	}
}

func TestRemovable(t *testing.T) {
	b, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	buckettest.RunRemovable(t, dirbucket.Removable{Bucket: b})
}
