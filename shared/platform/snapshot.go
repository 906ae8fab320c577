package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ownerPath is the object that every archive has once its bank has begun.
const ownerPath = archiveDir + "/owner.json"

// snapshotDir is where a snapshot of the database is, in the data directory, until it was copied.
const snapshotDir = "snapshot"

// Snapshot is the stores of a data directory at one moment.
type Snapshot struct {
	// Data is a data directory with the database, but without the archive. Opening it changes its
	// files.
	Data string
	// Archive is the archive's files, Database those of the database.
	Archive, Database []File
}

// File is a file of a bank.
type File struct {
	// Name is where the file is, Path its path in a data directory, with slashes.
	Name, Path string
	Size       int64
	Modified   time.Time
}

// Remove removes the snapshot.
func (s *Snapshot) Remove() error {
	if err := os.RemoveAll(s.Data); err != nil {
		return fmt.Errorf("remove the snapshot: %w", err)
	}
	return nil
}

// removeSnapshot removes the snapshot of a process that was killed: what it links to takes space
// once the database has dropped it.
func removeSnapshot(data string) error {
	return (&Snapshot{Data: filepath.Join(data, snapshotDir)}).Remove()
}

// Snapshot implements Admin. No object is created while it takes both: every object that the
// database names was created before, and each is made of records that the database has.
func (s *embeddedStore) Snapshot(ctx context.Context) (*Snapshot, error) {
	taken := &Snapshot{Data: filepath.Join(s.data, snapshotDir)}
	if err := taken.Remove(); err != nil {
		return nil, err
	}
	err := s.take(ctx, taken)
	if err == nil {
		taken.Database, err = list(ctx, taken.Data, "")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take a snapshot of %s: %w", s.data, err), taken.Remove())
	}
	return taken, nil
}

// take takes both.
func (s *embeddedStore) take(ctx context.Context, to *Snapshot) (err error) {
	defer s.archive.Pause()()
	if err := s.db.Checkpoint(to.Data); err != nil {
		return err
	}
	if to.Archive, err = list(ctx, s.data, archiveDir); err != nil {
		return err
	}
	if !slices.ContainsFunc(to.Archive, func(f File) bool { return f.Path == ownerPath }) {
		return fmt.Errorf("the archive has no %s: it is not that of a bank that has begun", ownerPath)
	}
	return nil
}

// list lists the files below a directory of a data directory, without drafts. The directory may be
// a link, and so may a file in it. A link to a directory in it is an error: the bucket does not see
// what is behind it.
func list(ctx context.Context, data, dir string) (files []File, err error) {
	root, err := filepath.EvalSymlinks(filepath.Join(data, dir))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", filepath.Join(data, dir), err)
	}
	err = filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(e.Name(), ".") && e.IsDir() {
			return filepath.SkipDir
		}
		if e.IsDir() {
			return nil
		}
		info, err := os.Stat(name) // what a link leads to
		switch {
		case errors.Is(err, fs.ErrNotExist): // a link to nowhere is no object
			return nil
		case err != nil:
			return err
		case info.IsDir():
			return fmt.Errorf("%s is a link to a directory: put the directory itself there", name)
		case !info.Mode().IsRegular():
			return nil
		}
		path, err := filepath.Rel(root, name)
		files = append(files, File{Name: name, Path: filepath.ToSlash(filepath.Join(dir, path)), Size: info.Size(), Modified: info.ModTime()})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", filepath.Join(data, dir), err)
	}
	return files, nil
}
