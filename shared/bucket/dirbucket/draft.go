package dirbucket

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openDraft creates a draft and locks it, which tells clean that it is in use. If clean removed it
// between the two steps, it creates another one.
func (b *Bucket) openDraft() (*os.File, error) {
	for {
		f, err := os.CreateTemp(filepath.Join(b.root, draftDir), "object-")
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

// lock locks a file, or fails with syscall.EWOULDBLOCK, and returns the file's attributes, which
// tell how many names it has.
func lock(f *os.File) (info syscall.Stat_t, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return info, err
	}
	err = syscall.Fstat(int(f.Fd()), &info)
	return info, err
}

// clean removes the drafts that no process has locked. A process may have linked one and died
// before it synced the directory, so clean syncs all directories first.
func (b *Bucket) clean() error {
	drafts := filepath.Join(b.root, draftDir)
	entries, err := os.ReadDir(drafts)
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
		err = cleanOne(filepath.Join(drafts, e.Name()))
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
