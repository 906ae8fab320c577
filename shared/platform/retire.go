package platform

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"passbook/shared/embedded"
)

// retiredFile is the file in a data directory whose bank lives on in another one. No program opens
// a directory that has it.
const retiredFile = "RETIRED"

// maxRetired bounds what is quoted of the file.
const maxRetired = 500

// Retiring is a data directory that no process uses as long as it is held.
type Retiring struct {
	data string
	lock io.Closer
}

// Retire holds a data directory that is to be retired. It fails with ErrLocked while a process uses
// it, and with ErrData if it is not the directory of a bank.
func Retire(data string) (*Retiring, error) {
	if _, err := os.Stat(filepath.Join(data, "FORMAT")); err != nil {
		return nil, &UnusableError{What: fmt.Sprintf("no bank in %s (--retire)", data), Next: "name the data directory of the bank that the backup is of, or leave --retire out", Err: errors.Join(ErrData, err)}
	}
	lock, err := embedded.Hold(data)
	if err != nil {
		return nil, explainData(Config{Data: data}, err)
	}
	return &Retiring{data, lock}, nil
}

// Mark retires the directory. why is a line for people.
func (r *Retiring) Mark(why string) error {
	name := filepath.Join(r.data, retiredFile)
	if err := writePrivate(name+".new", why+"\n"); err != nil {
		return fmt.Errorf("retire %s: %w", r.data, err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("retire %s: %w", r.data, err)
	}
	return nil
}

// Close lets processes use the directory, if it was not retired.
func (r *Retiring) Close() error { return r.lock.Close() }

// checkRetired returns an error that matches ErrData if the directory was retired.
func checkRetired(data string) error {
	f, err := os.Open(filepath.Join(data, retiredFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the data directory (--data, PASSBOOK_DATA): %w", err)
	}
	why, err := io.ReadAll(io.LimitReader(f, maxRetired))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read the data directory (--data, PASSBOOK_DATA): %w", err)
	}
	return &UnusableError{
		What: fmt.Sprintf("the data directory %s was retired: %s", data, strings.TrimSpace(string(why))),
		Next: "serve that one. Only if it never took a command, and never will, remove the file " + retiredFile + " to serve this one again", Err: ErrData,
	}
}
