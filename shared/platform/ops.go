package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoOps is returned when no running program has announced its ops listener in the data
// directory.
var ErrNoOps = errors.New("no running bank is announced in the data directory")

// opsFile is the file in a data directory that says how the running program takes jobs: a line with
// the address of its ops listener, and a line with the secret that the listener asks for.
const opsFile = "ops"

// engineDir is where an embedded bank has its database in the data directory.
const engineDir = "pebble"

// Ops says how a running program takes jobs.
type Ops struct {
	// Address is that of its ops listener, host:port.
	Address string
	// Secret is what the listener asks for. It is empty for a program of a release that did not.
	Secret string
}

// AnnounceOps writes how jobs reach this process into the data directory, where only the user that
// it runs as can read it. It replaces what a process that died has left; on AWS, where the
// directory has no other use, it does not replace what an embedded bank has there. The returned
// function removes it, if it is still the same; it is never nil.
func AnnounceOps(c Config, at Ops) (withdraw func() error, err error) {
	data := c.Data
	name := filepath.Join(data, opsFile)
	if _, err := os.Stat(filepath.Join(data, engineDir)); c.Store == AWS && err == nil {
		return func() error { return nil }, fmt.Errorf("announce the ops listener: %s is the directory of an embedded bank", data)
	}
	draft := name + ".new"
	if err := writePrivate(draft, at.Address+"\n"+at.Secret+"\n"); err != nil {
		return func() error { return nil }, fmt.Errorf("announce the ops listener: %w", err)
	}
	if err := os.Rename(draft, name); err != nil {
		return func() error { return nil }, fmt.Errorf("announce the ops listener: %w", err)
	}
	return func() error {
		if found, err := FindOps(data); err != nil || found != at {
			return nil
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("withdraw the ops listener: %w", err)
		}
		return nil
	}, nil
}

// writePrivate writes a file that has mode 0600 before there is anything in it, also where a file
// of another mode was left behind.
func writePrivate(name, text string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// FindOps returns what is announced, or ErrNoOps. The process that announced it may have died: only
// an answer proves that it lives.
func FindOps(data string) (at Ops, err error) {
	text, err := os.ReadFile(filepath.Join(data, opsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Ops{}, ErrNoOps
	}
	if err != nil {
		return Ops{}, fmt.Errorf("find the ops listener: %w", err)
	}
	address, secret, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if _, _, err := net.SplitHostPort(address); err != nil {
		return Ops{}, fmt.Errorf("%w: %s is damaged", ErrNoOps, filepath.Join(data, opsFile))
	}
	return Ops{address, strings.TrimSpace(secret)}, nil
}
