package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded/wal"
)

// checkLog looks for damage in the newest write-ahead log; nil is none.
func (d dir) checkLog() (*wal.Damage, error) {
	engine := d.file(engineDir)
	if _, err := d.fs.Stat(engine); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return wal.Check(d.fs, engine)
}

// Salvaged is what Salvage found and did.
type Salvaged struct {
	// Damage is where the log is damaged; nil when it is whole, and then nothing was done.
	Damage *wal.Damage
	// Copy is where the log lies as it was.
	Copy string
}

// Salvage ends a damaged write-ahead log where the damage begins, so that the directory opens again
// without whatever was committed after that. The log as it was stays beside the database. A dry run
// only looks. It fails as Open does.
func Salvage(o Options, dryRun bool) (s Salvaged, err error) {
	d, present, lock, err := hold(o)
	if err != nil {
		return s, fmt.Errorf("salvage: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if !present {
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
