package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// maxNamed is how many files an error of a damaged backup names.
const maxNamed = 10

// fault returns what is wrong with a file, "" for nothing.
func fault(f File, size int64, sum string, err error) (string, error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.Path + " is missing", nil
	case err != nil:
		return "", fmt.Errorf("read %s: %w", f.Path, err)
	case size != f.Size:
		return fmt.Sprintf("%s has %d bytes, not %d", f.Path, size, f.Size), nil
	case sum != f.SHA256:
		return f.Path + " was changed", nil
	}
	return "", nil
}

// each calls do with every file, several at a time, and returns the faults that it finds as one
// error.
func (m *Manifest) each(ctx context.Context, do func(ctx context.Context, f File) (string, error)) error {
	faults := make([]string, len(m.Files))
	group, inside := errgroup.WithContext(ctx)
	group.SetLimit(copiesAtOnce)
	for i, f := range m.Files {
		group.Go(func() (err error) {
			faults[i], err = do(inside, f)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var found []string
	for _, text := range faults {
		if text != "" {
			found = append(found, text)
		}
	}
	if len(found) == 0 {
		return nil
	}
	more := ""
	if n := len(found) - maxNamed; n > 0 {
		found, more = found[:maxNamed], fmt.Sprintf(", and %d more", n)
	}
	return fmt.Errorf("%w: %s%s", ErrDamaged, strings.Join(found, ", "), more)
}

// hold keeps other processes from replacing the backup until release is called. It fails with
// ErrBusy while one does, or if one has since the manifest was read. A medium that cannot be locked
// is read without.
func (m *Manifest) hold() (release func(), err error) {
	marker, err := os.Open(filepath.Join(m.dir, markerFile))
	if err != nil { // it was copied without
		return func() {}, nil //nolint:nilerr // nothing else needs the file
	}
	release = func() { _ = marker.Close() } // it was only read
	if err := syscall.Flock(int(marker.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		release()
		return nil, fmt.Errorf("%w: a backup is made in %s", ErrBusy, m.dir)
	}
	now, err := Read(m.dir)
	if err == nil && now.Sum != m.Sum {
		err = fmt.Errorf("%w: %s was replaced just now", ErrBusy, m.dir)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// Verify reads every file and compares it with its sum.
func (m *Manifest) Verify(ctx context.Context, o Options) error {
	release, err := m.hold()
	if err != nil {
		return err
	}
	defer release()
	return m.verify(ctx, o)
}

// verify does so while nobody replaces the backup.
func (m *Manifest) verify(ctx context.Context, o Options) error {
	o.Progress.Begin("verify", "bytes", m.Bytes())
	p := newPace(o.Rate, o.Progress)
	return m.each(ctx, func(ctx context.Context, f File) (string, error) {
		size, sum, err := p.sumOf(ctx, m.path(f))
		return fault(f, size, sum, err)
	})
}

// Restore copies every file to its place in a data directory, durably, and compares it with its
// sum.
func (m *Manifest) Restore(ctx context.Context, data string, o Options) error {
	release, err := m.hold()
	if err != nil {
		return err
	}
	defer release()
	o.Progress.Begin("restore", "bytes", m.Bytes())
	p := newPace(o.Rate, o.Progress)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	err = m.each(ctx, func(ctx context.Context, f File) (string, error) {
		size, sum, err := p.copy(ctx, m.path(f), filepath.Join(data, filepath.FromSlash(m.target(f))))
		return fault(f, size, sum, err)
	})
	if err != nil {
		return err
	}
	names := make([]string, len(m.Files))
	for i, f := range m.Files {
		names[i] = filepath.Join(data, filepath.FromSlash(m.target(f)))
	}
	if err := syncDirs(data, names); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}
