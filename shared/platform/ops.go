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

// opsFile is the file in a data directory that holds the address of the running program's ops
// listener.
const opsFile = "ops"

// AnnounceOps writes the address of the ops listener into the data directory, where jobs find it.
// It replaces the address of a process that died. The returned function removes the address, if it
// is still this one; it is never nil.
func AnnounceOps(data, address string) (withdraw func() error, err error) {
	name := filepath.Join(data, opsFile)
	draft := name + ".new"
	if err := os.WriteFile(draft, []byte(address+"\n"), 0o600); err != nil {
		return func() error { return nil }, fmt.Errorf("announce the ops listener: %w", err)
	}
	if err := os.Rename(draft, name); err != nil {
		return func() error { return nil }, fmt.Errorf("announce the ops listener: %w", err)
	}
	return func() error {
		if found, err := FindOps(data); err != nil || found != address {
			return nil
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("withdraw the ops listener: %w", err)
		}
		return nil
	}, nil
}

// FindOps returns the announced address, or ErrNoOps. The process of the address may have died:
// only an answer proves that it lives.
func FindOps(data string) (address string, err error) {
	text, err := os.ReadFile(filepath.Join(data, opsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoOps
	}
	if err != nil {
		return "", fmt.Errorf("find the ops listener: %w", err)
	}
	address = strings.TrimSpace(string(text))
	if _, _, err := net.SplitHostPort(address); err != nil {
		return "", fmt.Errorf("%w: %s is damaged", ErrNoOps, filepath.Join(data, opsFile))
	}
	return address, nil
}
