package embedded

import "github.com/cockroachdb/pebble/v2/vfs"

// unreserved is a file system on which no space is reserved before it is written. Pebble reserves
// 110 % of a full memtable for every file of its log, also for those of its first memtables, which
// are small: nine files of 74 MB for the first 60 MB of log. On ext4 that makes no sync faster, and
// later files of the log are written over old ones, which have their space.
type unreserved struct{ vfs.FS }

// Create creates a file that reserves no space.
func (u unreserved) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.Create(name, category)
	return unreservedFile{f}, err
}

// ReuseForWrite renames an old file to write over it; it reserves no more space.
func (u unreserved) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.ReuseForWrite(oldname, newname, category)
	return unreservedFile{f}, err
}

// Unwrap returns the file system below.
func (u unreserved) Unwrap() vfs.FS { return u.FS }

type unreservedFile struct{ vfs.File }

// Preallocate does nothing.
func (unreservedFile) Preallocate(int64, int64) error { return nil }
