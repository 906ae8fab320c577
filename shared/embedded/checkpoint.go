package embedded

import (
	"fmt"
	"io"
)

// Checkpoint makes a data directory with a copy of the database in it, which Open opens. Every
// write that Commit has answered is in it. The tables are links to those of the database where the
// file system allows it: that takes no space, until the database compacts them.
func (db *DB) Checkpoint(path string) error {
	to := dir{fs: db.dir.fs, path: path}
	format, err := db.dir.checkFormat()
	if err == nil {
		err = to.fs.MkdirAll(path, 0o700)
	}
	if err == nil {
		err = db.engine.Checkpoint(to.file(engineDir))
	}
	if err == nil {
		err = to.write(formatFile, fmt.Sprint(format))
	}
	if err != nil {
		return fmt.Errorf("checkpoint of %s in %s: %w", db.dir.path, path, err)
	}
	return nil
}

// Hold locks a data directory as Open does, without opening the database in it. It fails with
// ErrLocked while a process uses it.
func Hold(path string) (io.Closer, error) {
	d, err := openDir(Options{Dir: path})
	if err != nil {
		return nil, err
	}
	return d.lock()
}
