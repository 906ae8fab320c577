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
	"passbook/shared/keywrap"
)

// The remedies for a data directory that cannot be used.
const (
	adviceNoBank   = "name the directory of a bank with --data; bank serve makes a new one"
	adviceNewer    = "use the program that wrote it, or name another directory with --data"
	adviceRestore  = "run bank restore again, with the same --data: it begins from the start and removes what is there"
	adviceDamaged  = "restore the directory from a backup; or move its pebble directory away and restore the journal from the archive: replay journal"
	adviceLog      = adviceDamaged + "; bank salvage opens it without the commits after the damage"
	adviceFull     = "free space on the volume of the data directory and start again: nothing that was acknowledged is lost"
	adviceNoRight  = "let this user read and write the data directory, or name another with --data"
	adviceReadOnly = "mount the volume of the data directory for writing, or name another directory with --data"
	adviceKeyFile  = "put back the file archive/key that this bank was made with, from a backup of its archive: without it no entry can be signed or checked"
	adviceDevice   = "check the device of the data directory (dmesg); if it is broken, restore a backup on another one"
)

// explainData returns an error that names the cause and the remedy where a data directory cannot be
// opened.
func explainData(c Config, err error) error {
	var log *wal.Damage
	switch {
	case errors.Is(err, embedded.ErrLocked):
		return fmt.Errorf("%w: %w", ErrLocked, err)
	case errors.As(err, &log):
		return &UnusableError{What: oneLine("%v", err), Next: adviceLog, Err: errors.Join(ErrData, err)}
	case errors.Is(err, embedded.ErrDamaged):
		return &UnusableError{What: oneLine("%v", err), Next: adviceDamaged, Err: errors.Join(ErrData, err)}
	case errors.Is(err, embedded.ErrFormat):
		return &UnusableError{What: oneLine("%v", err), Next: adviceNewer, Err: errors.Join(ErrData, err)}
	}
	return explainDisk(fmt.Errorf("open the data directory %s (--data, PASSBOOK_DATA): %w", c.Data, err))
}

// explainDisk returns an *UnusableError for an error of the key file, or of the operating system,
// that has a remedy, and any other error as it is.
func explainDisk(err error) error {
	if errors.Is(err, keywrap.ErrNoKey) || errors.Is(err, keywrap.ErrRefused) {
		return &UnusableError{What: oneLine("%v", err), Next: adviceKeyFile, Err: err}
	}
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

// makePrivate takes all permissions on an existing directory from everyone but its owner: an older
// program created it readable for all, and new ones are created private. It logs a warning if it
// may not, because another user owns the directory.
func makePrivate(dir string, log *slog.Logger) {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory
		log.Warn("other users can read the data directory, which contains customer data; its owner should chmod it to 700", "dir", dir, "mode", info.Mode().String(), "error", err)
		return
	}
	log.Warn("other users could read the data directory, which contains customer data; its mode is 700 now", "dir", dir, "mode", info.Mode().String())
}

// Salvaged is the result of Salvage.
type Salvaged struct {
	// Damage describes where the log is damaged; "" if it is intact, and then nothing was changed.
	Damage string
	// At is the offset at which the log ends now, Copy the path of the copy of the damaged log.
	At   int64
	Copy string
}

// Salvage cuts the damaged log of a data directory off where the damage begins, and keeps a copy. A
// dry run changes nothing. Its errors are those of Open.
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
