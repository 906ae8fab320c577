package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"passbook/shared/backup"
	"passbook/shared/platform"
	"passbook/shared/progress"
)

// moved are what a restored bank consists of, in the order in which they get their names: a
// directory with FORMAT is a bank.
var moved = []string{"pebble", "archive", "FORMAT"}

// Restoration is a backup and where it goes.
type Restoration struct {
	Backup *backup.Manifest
	// Config names the new data directory.
	Config platform.Config
	Rate   int64
	DryRun bool
	// Retire is the data directory of the bank that the backup is of, which no program opens again
	// once the restored one has its place; "" for none.
	Retire string
	// Finish opens the stores that Config names, proves them, and gives the stream a new life.
	Finish func(ctx context.Context, config platform.Config) (life time.Time, err error)
}

// Restored is what Restore made, or in a dry run would make.
type Restored struct {
	Data string `json:"data"`
	backup.Facts
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// NewLife is when the stream of the restored bank was created; zero in a dry run.
	NewLife time.Time `json:"new_life,omitzero"`
	// Retired is the data directory that was retired.
	Retired string `json:"retired,omitempty"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	DryRun  bool    `json:"dry_run,omitempty"`
}

// ErrInUse means that the new data directory is not empty.
var ErrInUse = errors.New("the data directory is in use")

// Restore makes a bank of a backup in a new data directory. A dry run verifies the backup and the
// directory, and changes nothing. An interrupted one begins again.
func Restore(ctx context.Context, r Restoration, p *progress.Tracker) (done Restored, err error) {
	began := time.Now()
	data := r.Config.Data
	done = Restored{Data: data, Facts: r.Backup.Facts, Files: len(r.Backup.Files), Bytes: r.Backup.Bytes(), DryRun: r.DryRun}
	if err := checkTarget(data); err != nil {
		return done, err
	}
	retire, err := r.retire()
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, retire.Close()) }()
	o := backup.Options{Rate: r.Rate, Progress: p}
	if r.DryRun {
		err := r.Backup.Verify(ctx, o)
		done.Seconds = time.Since(began).Seconds()
		return done, err
	}
	if err := clear(data); err != nil {
		return done, err
	}
	partial := filepath.Join(data, platform.PartialRestore)
	if err := r.Backup.Restore(ctx, partial, o); err != nil {
		return done, err
	}
	config := r.Config
	config.Data = partial
	if done.NewLife, err = r.Finish(ctx, config); err != nil {
		return done, err
	}
	if r.Retire != "" {
		why := fmt.Sprintf("its bank is restored in %s, as of %s", data, done.Taken.Format(time.RFC3339Nano))
		if err := retire.Mark(why); err != nil {
			return done, err
		}
		done.Retired = r.Retire
	}
	err = arrive(data)
	done.Seconds = time.Since(began).Seconds()
	return done, err
}

// noRetiring retires nothing.
type noRetiring struct{}

func (noRetiring) Mark(string) error { return nil }

func (noRetiring) Close() error { return nil }

// retire holds the directory that is to be retired.
func (r Restoration) retire() (interface {
	Mark(why string) error
	io.Closer
}, error) {
	if r.Retire == "" || r.DryRun {
		return noRetiring{}, nil
	}
	return platform.Retire(r.Retire)
}

// checkTarget returns an error unless a bank can be restored into a directory: it is missing, or
// empty, or has what an interrupted restore has left.
func checkTarget(data string) error {
	entries, err := os.ReadDir(data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the data directory: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	interrupted := slices.Contains(names, platform.PartialRestore) && !slices.Contains(names, "FORMAT")
	for _, name := range names {
		ours := name == platform.PartialRestore || slices.Contains(moved, name)
		if name != "lost+found" && !(interrupted && ours) {
			return fmt.Errorf("%w: %s contains %s", ErrInUse, data, name)
		}
	}
	return nil
}

// clear removes what an interrupted restore has left.
func clear(data string) error {
	for _, name := range append(slices.Clone(moved), platform.PartialRestore) { // the directory that tells it apart is last
		if err := os.RemoveAll(filepath.Join(data, name)); err != nil {
			return fmt.Errorf("remove what an interrupted restore has left: %w", err)
		}
	}
	return nil
}

// arrive gives the restored bank its place.
func arrive(data string) error {
	partial := filepath.Join(data, platform.PartialRestore)
	for _, name := range moved {
		if err := os.Rename(filepath.Join(partial, name), filepath.Join(data, name)); err != nil {
			return fmt.Errorf("put the restored bank in its place: %w", err)
		}
		if err := errors.Join(syncDir(partial), syncDir(data)); err != nil {
			return fmt.Errorf("put the restored bank in its place: %w", err)
		}
	}
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("put the restored bank in its place: %w", err)
	}
	return nil
}

// syncDir makes the entries of a directory durable.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Prove compares a restored journal with what the backup says of it.
func Prove(ctx context.Context, engine *platform.Engine, m *backup.Manifest, p *progress.Tracker) error {
	found := m.Facts
	if err := measure(ctx, engine.Table, &found, p); err != nil {
		return err
	}
	if found.Heads != m.Heads {
		return fmt.Errorf("%w: its journal has %d accounts and %d events with heads %s, but its manifest says %d, %d and %s",
			backup.ErrDamaged, found.Accounts, found.Events, found.Heads, m.Accounts, m.Events, m.Heads)
	}
	return nil
}
