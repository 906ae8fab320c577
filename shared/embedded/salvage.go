package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded/wal"
)

// checkLog returns the damage of the newest write-ahead log, nil for none.
func (d dir) checkLog() (*wal.Damage, error) {
	engine := d.file(engineDir)
	if _, err := d.fs.Stat(engine); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return wal.Check(d.fs, engine)
}

// Salvaged is the result of Salvage.
type Salvaged struct {
	// Damage is where the log is damaged; nil if it is intact, and then nothing was changed.
	Damage *wal.Damage
	// Copy is the path of the copy of the damaged log.
	Copy string
}

// Salvage cuts a damaged write-ahead log off where the damage begins, so that the directory opens
// again without the commits after it. It keeps a copy of the damaged log beside the database. A dry
// run changes nothing. Its errors are those of Open.
func Salvage(o Options, dryRun bool) (s Salvaged, err error) {
	d, format, lock, err := lockDir(o)
	if err != nil {
		return s, fmt.Errorf("salvage: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if format == 0 {
		return s, fmt.Errorf("salvage: %w: no database in %s", ErrFormat, d.path)
	}
	if s.Damage, err = d.checkLog(); err != nil || s.Damage == nil {
		return s, err
	}
	s.Copy = d.file("damaged-" + d.fs.PathBase(s.Damage.File))
	if dryRun {
		return s, nil
	}
	if err := d.copy(s.Damage.File, s.Copy); err != nil {
		return s, fmt.Errorf("salvage: copy %s: %w", s.Damage.File, err)
	}
	return s, wal.Cut(d.fs, s.Damage)
}

// copy copies a file, durably.
func (d dir) copy(from, to string) error {
	in, err := d.fs.Open(from)
	if err != nil {
		return err
	}
	out, err := d.fs.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close(), in.Close()); err != nil {
		return err
	}
	return d.sync(d.path)
}
