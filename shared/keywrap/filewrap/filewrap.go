package filewrap

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"passbook/shared/keywrap"
)

// wrapFormat is the first byte of everything that is wrapped.
const wrapFormat = 1

// Wrapper implements keywrap.Wrapper. Several may be open on one file. It is safe for concurrent
// use.
type Wrapper struct {
	// file is the path of the key file. wrapped reports whether something was wrapped with it.
	file    string
	wrapped func() (bool, error)

	mu   sync.Mutex
	aead cipher.AEAD // nil until the file was read
}

var _ keywrap.Wrapper = (*Wrapper)(nil)

// New returns the Wrapper of a key file. It neither reads nor makes the file: the first Wrap makes
// a file that is missing, unless wrapped reports that something was wrapped before.
func New(file string, wrapped func() (bool, error)) *Wrapper {
	return &Wrapper{file: file, wrapped: wrapped}
}

// Wrap implements keywrap.Wrapper.
func (w *Wrapper) Wrap(ctx context.Context, bank string, plain []byte) ([]byte, error) {
	if err := keywrap.CheckPlain(bank, plain); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	aead, err := w.open(true)
	if err != nil {
		return nil, fmt.Errorf("wrap a data key: %w", err)
	}
	wrapped := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	wrapped[0] = wrapFormat
	_, _ = rand.Read(wrapped[1:]) // it never fails
	return aead.Seal(wrapped, wrapped[1:], plain, additional(bank)), nil
}

// Unwrap implements keywrap.Wrapper.
func (w *Wrapper) Unwrap(ctx context.Context, bank string, wrapped []byte) ([]byte, error) {
	if err := keywrap.CheckBank(bank); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	aead, err := w.open(false)
	if err != nil {
		return nil, fmt.Errorf("unwrap a data key: %w", err)
	}
	if len(wrapped) < 1+aead.NonceSize() || wrapped[0] != wrapFormat {
		return nil, fmt.Errorf("unwrap a data key: %w: %d bytes that were not wrapped with a key file", keywrap.ErrRefused, len(wrapped))
	}
	nonce, sealed := wrapped[1:1+aead.NonceSize()], wrapped[1+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, sealed, additional(bank))
	if err != nil {
		return nil, fmt.Errorf("unwrap a data key: %w: it was not wrapped with the key file %s for bank %s", keywrap.ErrRefused, w.file, bank)
	}
	return plain, nil
}

// additional returns what is authenticated beside the data key.
func additional(bank string) []byte { return []byte("passbook data key of bank " + bank) }

// open returns the cipher of the key file. With create it makes a missing file.
func (w *Wrapper) open(create bool) (cipher.AEAD, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.aead != nil {
		return w.aead, nil
	}
	key, err := read(w.file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		key, err = w.makeFile()
	case errors.Is(err, fs.ErrNotExist):
		err = w.missing()
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", w.file, err)
	}
	w.aead, err = cipher.NewGCM(block)
	return w.aead, err
}

// missing returns the error of a file that was made once and is gone.
func (w *Wrapper) missing() error {
	return fmt.Errorf("%w: the key file %s is missing", keywrap.ErrNoKey, w.file)
}

// makeFile makes the file, unless something was wrapped with one before.
func (w *Wrapper) makeFile() ([]byte, error) {
	wrapped, err := w.wrapped()
	if err != nil {
		return nil, fmt.Errorf("look for keys that were wrapped with %s: %w", w.file, err)
	}
	if wrapped {
		return nil, w.missing()
	}
	if err := create(w.file); err != nil {
		return nil, err
	}
	return read(w.file) // another process may have been first
}
