package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Format is the format of a new directory and the newest that this program reads. Directories of
// format 1 and 2 have the same layout: 2 keeps programs out that know no entries of format 2.
const Format = 2

// The reasons why a directory cannot be opened.
var (
	// ErrLocked: another process, or another DB of this process, uses the directory.
	ErrLocked = errors.New("embedded: another process uses the data directory")
	// ErrFormat: the directory has a format that this program does not know, or a damaged format
	// file. Nothing in it was changed.
	ErrFormat = errors.New("embedded: unknown data format")
	// ErrDamaged: a file of the database cannot be read completely. Nothing in it was changed.
	ErrDamaged = errors.New("embedded: the database is damaged")
)

// The names in a data directory that belong to the database. It ignores all other names.
const (
	formatFile = "FORMAT"
	lockFile   = "LOCK"
	pidFile    = "PID"
	engineDir  = "pebble"
)

// dir is a data directory on a file system.
type dir struct {
	fs   vfs.FS
	path string
}

func openDir(o Options) (dir, error) {
	if o.Dir == "" {
		return dir{}, errors.New("embedded: Options.Dir is empty")
	}
	if o.FS != nil {
		return dir{fs: o.FS, path: o.Dir}, nil
	}
	// Within a process a lock is identified by its path, so two spellings of one directory must
	// become one path.
	abs, err := filepath.Abs(o.Dir)
	if err != nil {
		return dir{}, err
	}
	return dir{fs: vfs.Default, path: abs}, nil
}

func (d dir) file(name string) string { return d.fs.PathJoin(d.path, name) }

// checkFormat returns the format of the directory, 0 without a format file, and fails with
// ErrFormat if this program does not know the format. It changes nothing.
func (d dir) checkFormat() (format int, err error) {
	text, err := d.read(formatFile)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := d.fs.Stat(d.file(engineDir)); err == nil {
			return 0, fmt.Errorf("%w: %s has data but no %s file", ErrFormat, d.path, formatFile)
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%w: %s is not a number", ErrFormat, d.file(formatFile))
	}
	if n > Format {
		return 0, fmt.Errorf("%w: %s has format %d, this program knows up to %d: use a newer program", ErrFormat, d.path, n, Format)
	}
	return n, nil
}

// lock locks the directory and writes the process id beside the lock, for the error that the next
// process gets.
func (d dir) lock() (io.Closer, error) {
	held, err := d.fs.Lock(d.file(lockFile))
	if err != nil {
		var bad *fs.PathError
		if errors.As(err, &bad) {
			return nil, err
		}
		pid, _ := d.read(pidFile)
		return nil, fmt.Errorf("%w: %s (pid %s)", ErrLocked, d.path, bytes.TrimSpace(pid))
	}
	if err := d.write(pidFile, strconv.Itoa(os.Getpid())); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held, nil
}

func (d dir) read(name string) ([]byte, error) {
	f, err := d.fs.Open(d.file(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// write replaces a file atomically and durably.
func (d dir) write(name, text string) error {
	draft := d.file(name + ".new")
	f, err := d.fs.Create(draft, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text + "\n"))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := d.fs.Rename(draft, d.file(name)); err != nil {
		return err
	}
	return d.sync(d.path)
}

// sync makes the entries of a directory durable.
func (d dir) sync(path string) error { return syncDir(d.fs, path) }

// syncDir makes the entries of a directory durable.
func syncDir(fs vfs.FS, path string) error {
	f, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
