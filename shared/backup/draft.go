package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/backoff"
	"passbook/shared/progress"
)

// spareShare is the part of what is new that must be free besides it.
const spareShare = 20

// copiesAtOnce is how many files are copied at the same time: each waits for its fsync.
const copiesAtOnce = 4

// marker is what the marker file says.
const marker = "Backups of a Passbook bank. They contain its customers' payments and the key that signs its entries.\nWith manifest.json the backup is complete; without it, one was begun and not finished.\n"

// Source is a file that a backup takes.
type Source struct {
	// From is where the file is.
	From string
	// Path is the file's path in the data directory, with slashes.
	Path     string
	Size     int64
	Modified time.Time
}

// Options bound and report the work.
type Options struct {
	// Rate bounds the bytes that are read a second; 0 does not.
	Rate     int64
	Progress *progress.Tracker
	// Patience is how long Open waits while the backup that is there is verified or restored.
	Patience time.Duration
}

// Draft is a backup that is being made. It is for one goroutine.
type Draft struct {
	// Copied and Carried are how many bytes were copied, and how many were taken over from the
	// backup before.
	Copied, Carried int64

	dir      string
	options  Options
	lock     *os.File
	before   *Manifest // nil if there is none
	database string
	files    []File
}

// Open begins a backup in a directory, which is created if it is missing. A directory with other
// files is refused, and so is one with the backup of another bank or of another life of its stream.
// While another backup is made there, and while one is read for longer than the patience, the error
// is ErrBusy. Close ends it.
func Open(ctx context.Context, dir string, facts Facts, o Options) (*Draft, error) {
	d := &Draft{dir: dir, options: o, database: path.Join(databaseRoot, facts.Taken.UTC().Format("20060102T150405.000000Z"))}
	if err := d.take(ctx); err != nil {
		return nil, err
	}
	err := d.continues(facts)
	if err == nil {
		err = d.removeOld()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// continues reads the backup before, if there is one, and refuses what this one cannot follow.
func (d *Draft) continues(facts Facts) (err error) {
	d.before, err = Read(d.dir)
	switch {
	case errors.Is(err, ErrNone):
		d.before = nil
	case err != nil:
		return err
	case d.before.Bank != facts.Bank || d.before.Stream != facts.Stream:
		return fmt.Errorf("%w: %s has a backup of bank %s; name another directory", ErrForeign, d.dir, d.before.Bank)
	case !d.before.Life.Equal(facts.Life):
		return fmt.Errorf("%w: %s has a backup of this bank from before its stream was created again (%s); name another directory", ErrForeign, d.dir, facts.Life.Format(time.RFC3339))
	}
	return nil
}

// take creates the directory with its marker, and locks it.
func (d *Draft) take(ctx context.Context) error {
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(d.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("directory of the backup: %w", err)
	}
	name := filepath.Join(d.dir, markerFile)
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == markerFile }) {
		for _, e := range entries {
			if e.Name() != "lost+found" && e.Name() != markerFile+".part" {
				return fmt.Errorf("%w: %s contains %s and no backup; name an empty directory or a new one", ErrForeign, d.dir, e.Name())
			}
		}
		if err := writeFile(name, []byte(marker)); err != nil {
			return fmt.Errorf("directory of the backup: %w", err)
		}
	}
	if d.lock, err = os.Open(name); err != nil {
		return fmt.Errorf("lock the backup: %w", err)
	}
	if err := d.exclude(ctx); err != nil {
		return errors.Join(err, d.lock.Close())
	}
	return nil
}

// exclude locks the directory for this process alone. It waits for those who read the backup that
// is there, but not for who makes another.
func (d *Draft) exclude(ctx context.Context) error {
	lock := func(how int) error { return syscall.Flock(int(d.lock.Fd()), how|syscall.LOCK_NB) }
	pauses, told := backoff.Backoff{First: firstLook, Most: mostLook}, false
	for end := time.Now().Add(d.options.Patience); ; {
		err := lock(syscall.LOCK_EX)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock the backup: %w", err)
		}
		if lock(syscall.LOCK_SH) != nil {
			return fmt.Errorf("%w: another backup is made in %s", ErrBusy, d.dir)
		}
		if err := lock(syscall.LOCK_UN); err != nil {
			return fmt.Errorf("lock the backup: %w", err)
		}
		left := time.Until(end)
		if left <= 0 {
			return fmt.Errorf("%w: the backup in %s is still verified or restored after %v", ErrBusy, d.dir, d.options.Patience)
		}
		if !told {
			d.options.Progress.Begin("wait until the backup is read", "attempts", 0)
			told = true
		}
		d.options.Progress.Add(1)
		if err := backoff.Sleep(ctx, min(pauses.Next(), left)); err != nil {
			return fmt.Errorf("wait for a reader of the backup: %w", err)
		}
	}
}

// firstLook and mostLook bound the pauses between two attempts to lock a backup that is read.
const (
	firstLook = 50 * time.Millisecond
	mostLook  = time.Second
)

// Close ends the draft. Unless it was finished, the backup before it is still the one that counts.
func (d *Draft) Close() error { return d.lock.Close() }

// removeOld removes the databases that no manifest names.
func (d *Draft) removeOld() error {
	root := filepath.Join(d.dir, databaseRoot)
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if name := path.Join(databaseRoot, e.Name()); err == nil && (d.before == nil || name != d.before.Database) {
			err = os.RemoveAll(filepath.Join(d.dir, filepath.FromSlash(name)))
		}
	}
	if err != nil {
		return fmt.Errorf("remove an older database from the backup: %w", err)
	}
	return nil
}

// Copy copies the files of a bank. A file of the archive never changes: one that the backup before
// has with the same size and time is carried.
func (d *Draft) Copy(ctx context.Context, sources []Source) error {
	known := d.known()
	if err := d.checkSpace(sources, known); err != nil {
		return err
	}
	pace := newPace(d.options.Rate, d.options.Progress)
	d.files = make([]File, len(sources))
	copied, carried := make([]int64, len(sources)), make([]int64, len(sources))
	group, inside := errgroup.WithContext(ctx)
	group.SetLimit(copiesAtOnce)
	for i, s := range sources {
		group.Go(func() (err error) {
			var here bool
			if d.files[i], here, err = d.one(inside, pace, s, known); err != nil {
				return fmt.Errorf("back up %s: %w", s.Path, err)
			}
			if here {
				carried[i] = d.files[i].Size
			} else {
				copied[i] = d.files[i].Size
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	names := make([]string, len(d.files))
	for i, f := range d.files {
		names[i] = filepath.Join(d.dir, filepath.FromSlash(f.Path))
		d.Copied += copied[i]
		d.Carried += carried[i]
	}
	slices.SortFunc(d.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return syncDirs(d.dir, names)
}

// checkSpace begins to report the copying, and returns an error if the volume has not enough free
// space for what is new.
func (d *Draft) checkSpace(sources []Source, known map[string]File) error {
	total, fresh := int64(0), int64(0)
	for _, s := range sources {
		total += s.Size
		if old, had := known[s.Path]; !had || old.Size != s.Size {
			fresh += s.Size
		}
	}
	d.options.Progress.Begin("copy", "bytes", total)
	var volume syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &volume); err != nil {
		return fmt.Errorf("measure the free space of %s: %w", d.dir, err)
	}
	if free := int64(volume.Bavail) * int64(volume.Bsize); free < fresh+fresh/spareShare { //nolint:gosec,unconvert // types differ by system
		return fmt.Errorf("%w: %s has %d MiB free, and the backup takes %d MiB: free some, or name a directory on another volume", ErrSpace, d.dir, free>>20, fresh>>20)
	}
	return nil
}

// known returns the files of the backup before, by path; those of the database by their names in
// it.
func (d *Draft) known() map[string]File {
	known := map[string]File{}
	if d.before != nil {
		for _, f := range d.before.Files {
			known[d.before.target(f)] = f
		}
	}
	return known
}

// one takes one file, and reports whether it was there already.
func (d *Draft) one(ctx context.Context, p pace, s Source, known map[string]File) (f File, here bool, err error) {
	archived := strings.HasPrefix(s.Path, archiveRoot+"/")
	if f.Path = s.Path; !archived {
		f.Path = path.Join(d.database, s.Path)
	}
	to := filepath.Join(d.dir, filepath.FromSlash(f.Path))
	if archived {
		f.Modified = s.Modified.UTC()
	}
	old, had := known[s.Path]
	switch {
	case !had || old.Size != s.Size:
	case archived && old.Modified.Equal(f.Modified): // not where somebody has put it back since
		if info, err := os.Stat(to); err == nil && info.Size() == old.Size {
			p.progress.Add(old.Size)
			return old, true, nil
		}
	case path.Ext(s.Path) == ".sst": // its name alone does not say that it is the same
		_, sum, err := pace{limit: p.limit, block: p.block}.sumOf(ctx, s.From)
		if err != nil {
			return f, false, err
		}
		if sum == old.SHA256 && d.link(d.before.path(old), to) == nil {
			p.progress.Add(old.Size)
			f.Size, f.SHA256 = old.Size, old.SHA256
			return f, true, nil
		}
	}
	f.Size, f.SHA256, err = p.copy(ctx, s.From, to)
	return f, false, err
}

// link gives a file of the backup before a second name.
func (d *Draft) link(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.Link(from, to)
}

// Check reads the copies back and compares them with what was read.
func (d *Draft) Check(ctx context.Context) error {
	m := Manifest{Database: d.database, Files: d.files, dir: d.dir}
	return m.verify(ctx, d.options)
}

// Finish writes the manifest, by which the directory becomes this backup, and removes the database
// of the backup before.
func (d *Draft) Finish(facts Facts) (*Manifest, error) {
	m := &Manifest{Format: Format, Facts: facts, Database: d.database, Files: d.files}
	if err := m.write(d.dir); err != nil {
		return nil, fmt.Errorf("write the manifest of the backup: %w", err)
	}
	d.before = m
	return m, d.removeOld()
}
