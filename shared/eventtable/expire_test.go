package eventtable_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/eventtable/iceberg"
)

// removing is the bucket of tables of which objects can be removed. It fails at one of them.
type removing struct {
	bucket.Removable
	left int
}

func (b *removing) Remove(ctx context.Context, key string) error {
	b.left--
	if b.left == 0 {
		return errCrash
	}
	return b.Removable.Remove(ctx, key)
}

// expire removes the snapshots that are older than keep. It crashes at one of the objects.
func (f *fixture) expire(keep time.Duration, crash int) (removed int, err error) {
	f.t.Helper()
	table, err := iceberg.Open(f.t.Context(), f.tables, f.root, 3)
	if err != nil {
		f.t.Fatal(err)
	}
	return table.Expire(f.t.Context(), &removing{dirbucket.Removable{Bucket: f.tables.(*dirbucket.Bucket)}, crash}, keep)
}

// stored returns the names of the table's objects in a directory.
func (f *fixture) stored(dir string) (names []string) {
	f.t.Helper()
	root := filepath.Join(strings.TrimPrefix(f.root, "file://"), "events")
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// grown returns a table with many snapshots, of which the last ones replaced files.
func grown(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.fill(bank(31, 5, 120), 3)
	if _, err := f.merge(f.tables, archivetest.Start.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	return f
}

// passMillisecond returns in a later millisecond, since the times of snapshots have no more digits.
func passMillisecond() {
	for began := time.Now().UnixMilli(); time.Now().UnixMilli() == began; {
		runtime.Gosched()
	}
}

func TestWhatOnlyOldSnapshotsHaveIsRemoved(t *testing.T) {
	f, entries := grown(t), bank(31, 5, 120)
	before := len(f.stored("data"))
	if n, err := f.expire(time.Hour, 0); err != nil || n != 0 {
		t.Errorf("young snapshots: %d objects, %v", n, err)
	}
	passMillisecond()
	n, err := f.expire(0, 0)
	if err != nil || n < 3*40 {
		t.Errorf("%d objects, %v", n, err)
	}
	files := f.files()
	slices.Sort(files)
	if got := f.stored("data"); !slices.Equal(got, files) || len(got) >= before {
		t.Errorf("%d files are left of %d, the table has %d", len(got), before, len(files))
	}
	if marks, metadata := f.stored("marks"), f.stored("metadata"); len(marks) != 1 || len(metadata) > 12 {
		t.Errorf("%d marks, %d objects of metadata", len(marks), len(metadata))
	}
	f.check(entries)
	if r := f.add(0); r.Segments != 0 || !r.OK() {
		t.Errorf("%+v", r)
	}
	f.seal(shard(0, 0), 1, entries...)
	f.add(0)
	if n, err = f.expire(0, 0); err != nil || n != 0 {
		t.Errorf("few old snapshots: %d objects, %v", n, err)
	}
}

func TestACrashInAnExpiryIsCompletedByTheNext(t *testing.T) {
	whole := grown(t)
	passMillisecond()
	all, err := whole.expire(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, crash := range []int{1, 2, all / 3, all / 2, all * 2 / 3} {
		f := grown(t)
		passMillisecond()
		if _, err := f.expire(0, crash); !errors.Is(err, errCrash) {
			t.Fatalf("crash %d: %v", crash, err)
		}
		f.check(bank(31, 5, 120))
		if _, err := f.expire(0, 0); err != nil {
			t.Fatal(err)
		}
		if got := f.stored("data"); len(got) != len(f.files()) {
			t.Errorf("crash %d of %d: %d files are left, the table has %d", crash, all, len(got), len(f.files()))
		}
		f.check(bank(31, 5, 120))
	}
}
