package embedded

import (
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// reservations is a file system that counts the bytes that are reserved on it, and the files that
// are written over.
type reservations struct {
	vfs.FS
	bytes, reused *atomic.Int64
}

func (r reservations) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.Create(name, category)
	return reservedFile{f, r.bytes}, err
}

func (r reservations) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	r.reused.Add(1)
	f, err := r.FS.ReuseForWrite(oldname, newname, category)
	return reservedFile{f, r.bytes}, err
}

type reservedFile struct {
	vfs.File
	bytes *atomic.Int64
}

func (f reservedFile) Preallocate(_, length int64) error {
	f.bytes.Add(length)
	return nil
}

// A database takes the disk space of what is written, from its first log on to the first that is
// written over an old one.
func TestNoSpaceIsReserved(t *testing.T) {
	var reserved, reused atomic.Int64
	db := mustOpen(t, Options{Dir: t.TempDir(), FS: reservations{vfs.Default, &reserved, &reused}, MemTableBytes: 1 << 20})
	defer mustClose(t, db)
	value := make([]byte, 100<<10)
	const most = 5000 // memtables are written as tables, and so their logs kept, in the background
	for i := 0; reused.Load() == 0; i++ {
		if i == most {
			t.Fatalf("no log was written over by %d writes of %d bytes, so nothing was proved", most, len(value))
		}
		if err := db.Commit(t.Context(), Write{Stage: func(b *pebble.Batch) error { return b.Set([]byte{TableSpace, byte(i)}, value, nil) }}); err != nil {
			t.Fatal(err)
		}
	}
	if n := reserved.Load(); n != 0 {
		t.Errorf("%d bytes are reserved", n)
	}
}
