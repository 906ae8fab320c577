package dirbucket

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openAside makes a file aside and locks it, which tells clean that it is in use. Between the two
// steps clean may have taken it for a leftover; then there is a next one.
func (b *Bucket) openAside() (*os.File, error) {
	for {
		f, err := os.CreateTemp(filepath.Join(b.root, asideDir), "object-")
		if err != nil {
			return nil, err
		}
		info, err := lock(f)
		if err != nil {
			return nil, errors.Join(err, os.Remove(f.Name()), f.Close())
		}
		if info.Nlink > 0 {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// lock takes the file's lock, or fails with syscall.EWOULDBLOCK, and says how many names the file
// has.
func lock(f *os.File) (info syscall.Stat_t, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return info, err
	}
	err = syscall.Fstat(int(f.Fd()), &info)
	return info, err
}

// clean removes the files aside that nobody holds. One of them may have been linked by a program
// that died before it synced the directory, so all directories are synced first.
func (b *Bucket) clean() error {
	aside := filepath.Join(b.root, asideDir)
	entries, err := os.ReadDir(aside)
	if err != nil || len(entries) == 0 {
		return err
	}
	err = filepath.WalkDir(b.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncDir(path)
	})
	for _, e := range entries {
		if err != nil {
			return err
		}
		err = cleanOne(filepath.Join(aside, e.Name()))
	}
	return err
}

func cleanOne(path string) (err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = lock(f)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
