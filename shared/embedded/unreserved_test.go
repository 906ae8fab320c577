package embedded

import (
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// reservations is a file system that counts the bytes that are reserved on it.
type reservations struct {
	vfs.FS
	bytes *atomic.Int64
}

func (r reservations) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.Create(name, category)
	return reservedFile{f, r.bytes}, err
}

func (r reservations) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
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
	var reserved atomic.Int64
	db := mustOpen(t, Options{Dir: t.TempDir(), FS: reservations{vfs.Default, &reserved}, MemTableBytes: 1 << 20})
	defer mustClose(t, db)
	value := make([]byte, 100<<10)
	for i := range byte(60) {
		if err := db.Commit(t.Context(), Write{Stage: func(b *pebble.Batch) error { return b.Set([]byte{TableSpace, i}, value, nil) }}); err != nil {
			t.Fatal(err)
		}
	}
	if m := db.engine.Metrics(); m.WAL.ObsoleteFiles == 0 {
		t.Fatal("no log is kept to be written over, so nothing was proved")
	}
	if n := reserved.Load(); n != 0 {
		t.Errorf("%d bytes are reserved", n)
	}
}
