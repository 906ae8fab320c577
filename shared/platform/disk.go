package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"

	"passbook/shared/embedded"
	"passbook/shared/embedded/wal"
)

// What to do about a data directory that cannot be used.
const (
	adviceNoBank   = "name the directory of a bank with --data; bank serve makes a new one"
	adviceNewer    = "use the program that wrote it, or name another directory with --data"
	adviceDamaged  = "restore the directory from a backup; or move its pebble directory away and make the journal again from the archive: replay journal"
	adviceLog      = adviceDamaged + "; bank salvage opens it without what was committed after the damage"
	adviceFull     = "make room on the volume of the data directory and start again: nothing that was acknowledged is lost"
	adviceNoRight  = "give this user the right to read and write the data directory, or name another with --data"
	adviceReadOnly = "mount the volume of the data directory for writing, or name another directory with --data"
	adviceDevice   = "look at the device below the data directory (dmesg); restore a backup elsewhere if it is broken"
)

// explainData gives a data directory that cannot be opened its cause and its cure.
func explainData(c Config, err error) error {
	var log *wal.Damage
	switch {
	case errors.Is(err, embedded.ErrLocked):
		return fmt.Errorf("%w: %w", ErrHeld, err)
	case errors.As(err, &log):
		return &UnusableError{What: oneLine("%v", err), Next: adviceLog, Err: errors.Join(ErrData, err)}
	case errors.Is(err, embedded.ErrDamaged):
		return &UnusableError{What: oneLine("%v", err), Next: adviceDamaged, Err: errors.Join(ErrData, err)}
	case errors.Is(err, embedded.ErrFormat):
		return &UnusableError{What: oneLine("%v", err), Next: adviceNewer, Err: errors.Join(ErrData, err)}
	}
	return explainDisk(fmt.Errorf("open the data directory %s (--data, PASSBOOK_DATA): %w", c.Data, err))
}

// explainDisk gives an error of the operating system its cure, and leaves others as they are.
func explainDisk(err error) error {
	for _, known := range []struct {
		cause error
		next  string
	}{
		{syscall.ENOSPC, adviceFull}, {syscall.EDQUOT, adviceFull}, {syscall.EROFS, adviceReadOnly},
		{fs.ErrPermission, adviceNoRight}, {syscall.EIO, adviceDevice},
	} {
		if errors.Is(err, known.cause) {
			return &UnusableError{What: oneLine("%v", err), Next: known.next, Err: err}
		}
	}
	return err
}

// narrow takes a directory that is there from everybody but its owner, as new ones are made: an
// older program made it readable for all. Where it cannot, since the directory is somebody else's,
// it says so.
func narrow(dir string, log *slog.Logger) {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory
		log.Warn("others may read what customers paid for; let the owner of the directory chmod it to 700", "dir", dir, "mode", info.Mode().String(), "error", err)
		return
	}
	log.Warn("others could read what customers paid for; the directory is its owner's alone now", "dir", dir, "mode", info.Mode().String())
}

// Salvaged is what Salvage found and did.
type Salvaged struct {
	// Damage says where the log is damaged; "" when it is whole, and then nothing was done.
	Damage string
	// At is where the log ends now, Copy where it lies as it was.
	At   int64
	Copy string
}

// Salvage ends the damaged log of a data directory where the damage begins, and keeps a copy. A dry
// run only looks. Its errors are those of Open.
func Salvage(c Config, dryRun bool) (Salvaged, error) {
	if err := Present(c); err != nil {
		return Salvaged{}, err
	}
	s, err := embedded.Salvage(embedded.Options{Dir: c.Data}, dryRun)
	switch {
	case err != nil:
		return Salvaged{}, explainData(c, err)
	case s.Damage == nil:
		return Salvaged{}, nil
	}
	return Salvaged{Damage: s.Damage.Error(), At: s.Damage.At, Copy: s.Copy}, nil
}
