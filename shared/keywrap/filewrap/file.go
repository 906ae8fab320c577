package filewrap

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"passbook/shared/keywrap"
)

const (
	// header begins a key file; the key follows in base64, and a line break.
	header   = "passbook-key-1 "
	keyBytes = 32
	// maxFile bounds the file: a longer one is no key file.
	maxFile = 256
)

// create makes a key file with a new key, unless there is one. It is on disk when create returns.
func create(file string) (err error) {
	dir := filepath.Dir(file)
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // it never fails
	draft, err := os.CreateTemp(dir, ".key-")
	if err != nil {
		return fmt.Errorf("make key file %s: %w", file, err)
	}
	defer func() { err = errors.Join(err, os.Remove(draft.Name())) }()
	_, err = draft.WriteString(header + base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, draft.Chmod(0o600), draft.Sync(), draft.Close()); err != nil {
		return fmt.Errorf("make key file %s: %w", file, err)
	}
	if err = os.Link(draft.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make key file %s: %w", file, err)
	}
	return syncDir(dir)
}

// read returns the key in a file. It takes all permissions from others, such as a copy may have
// given them.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return nil, fmt.Errorf("other users can read key file %s, and its mode cannot be set to 600: %w", file, err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	encoded, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), header)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("%w: the key file %s is damaged: it is not %q and %d bytes in base64", keywrap.ErrNoKey, file, header, keyBytes)
	}
	return key, nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
