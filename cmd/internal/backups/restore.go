package backups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"passbook/shared/backup"
	"passbook/shared/event"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/stores"
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

// The reasons why a backup cannot be restored.
var (
	// ErrInUse means that the new data directory is not empty.
	ErrInUse = errors.New("the data directory is in use")
	// ErrRestoring means that another process restores into it.
	ErrRestoring = errors.New("another restore is running")
	// ErrNested means that it is in the backup, or the backup in it.
	ErrNested = errors.New("the backup and the new data directory are one in the other")
	// ErrOther means that the directory to be retired is another bank's.
	ErrOther = errors.New("the directory to be retired is another bank's")
)

// Restore makes a bank of a backup in a new data directory. A dry run verifies the backup and the
// directory, and changes nothing. An interrupted one begins again.
func Restore(ctx context.Context, r Restoration, p *progress.Tracker) (done Restored, err error) {
	began := time.Now()
	data := r.Config.Data
	done = Restored{Data: data, Facts: r.Backup.Facts, Files: len(r.Backup.Files), Bytes: r.Backup.Bytes(), DryRun: r.DryRun}
	retire, err := r.check()
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
	lock, err := begin(data)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := r.Backup.Restore(ctx, filepath.Join(data, platform.PartialRestore), o); err != nil {
		return done, err
	}
	if done.NewLife, err = r.finish(ctx, retire); err != nil {
		return done, err
	}
	done.Retired, done.Seconds = r.Retire, time.Since(began).Seconds()
	return done, nil
}

// finish proves the restored bank, retires the older one and gives the restored one its place.
func (r Restoration) finish(ctx context.Context, retire retiring) (life time.Time, err error) {
	config := r.Config
	config.Data = filepath.Join(r.Config.Data, platform.PartialRestore)
	if life, err = r.Finish(ctx, config); err != nil {
		return life, err
	}
	at, err := filepath.Abs(r.Config.Data)
	if err != nil {
		return life, fmt.Errorf("put the restored bank in its place: %w", err)
	}
	if err := retire.Mark(fmt.Sprintf("its bank is restored in %s, as of %s", at, r.Backup.Taken.Format(time.RFC3339Nano))); err != nil {
		return life, err
	}
	return life, arrive(r.Config.Data)
}

// check returns an error unless the backup can be restored, and holds the directory that is to be
// retired.
func (r Restoration) check() (retiring, error) {
	switch {
	case r.Backup.EntryFormat > event.Format:
		return nil, fmt.Errorf("%w: it is of a bank with entries of format %d, this program knows up to %d: use a newer program", backup.ErrFormat, r.Backup.EntryFormat, event.Format)
	case inside(r.Backup.Dir(), r.Config.Data) || inside(r.Config.Data, r.Backup.Dir()):
		return nil, fmt.Errorf("%w: %s and %s", ErrNested, r.Backup.Dir(), r.Config.Data)
	}
	if err := checkTarget(r.Config.Data); err != nil {
		return nil, err
	}
	if r.Retire == "" {
		return noRetiring{}, nil
	}
	held, err := platform.Retire(r.Retire)
	if err != nil {
		return nil, err
	}
	bank, err := bankOf(r.Retire)
	if err == nil && bank != r.Backup.Bank {
		err = fmt.Errorf("%w: %s is of bank %s, and the backup of bank %s", ErrOther, r.Retire, bank, r.Backup.Bank)
	}
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held, nil
}

// bankOf returns the bank that a data directory says its archive is of.
func bankOf(data string) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, "archive", stores.OwnerKey))
	var owner stores.Owner
	if err == nil {
		err = json.Unmarshal(text, &owner)
	}
	if err != nil {
		return "", fmt.Errorf("find out whose %s (--retire) is: %w", data, err)
	}
	return owner.Bank, nil
}

// retiring is a directory that is retired once it is marked.
type retiring interface {
	Mark(why string) error
	io.Closer
}

// noRetiring retires nothing.
type noRetiring struct{}

func (noRetiring) Mark(string) error { return nil }

func (noRetiring) Close() error { return nil }

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

// begin makes the directory in which the bank is restored and locks it, so that no other process
// restores into the same one, and removes what an interrupted restore has left.
func begin(data string) (lock *os.File, err error) {
	partial := filepath.Join(data, platform.PartialRestore)
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if lock, err = os.Open(partial); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w: into %s", ErrRestoring, data)
	}
	if err == nil {
		err = checkTarget(data) // another restore may have ended since
	}
	if err == nil {
		err = clear(data)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// clear removes what an interrupted restore has left, but the directory itself.
func clear(data string) error {
	partial := filepath.Join(data, platform.PartialRestore)
	entries, err := os.ReadDir(partial)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(partial, e.Name())))
	}
	for _, name := range moved {
		err = errors.Join(err, os.RemoveAll(filepath.Join(data, name)))
	}
	if err != nil {
		return fmt.Errorf("remove what an interrupted restore has left: %w", err)
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
