package keywrap

import (
	"context"
	"errors"
	"fmt"
)

// The limits that every adapter enforces.
const (
	// MaxPlainBytes is the longest data key (KMS: 4,096 bytes).
	MaxPlainBytes = 4096
	// MaxBankBytes is the longest bank id.
	MaxBankBytes = 256
)

// The errors that callers distinguish.
var (
	// ErrRefused: the wrapped key was not wrapped by this key for this bank, or was changed; or
	// this process may not use the key.
	ErrRefused = errors.New("keywrap: refused")
	// ErrNoKey: the key that wraps does not exist, was disabled or cannot be read.
	ErrNoKey = errors.New("keywrap: no key")
	// ErrInvalid: the data key or the bank id is empty or too long.
	ErrInvalid = errors.New("keywrap: invalid")
)

// Wrapper is the port. Methods may be called concurrently; every call obeys its context's deadline.
type Wrapper interface {
	// Wrap returns the data key encrypted for a bank. Nobody can tell from two results whether
	// they have the same data key.
	Wrap(ctx context.Context, bank string, plain []byte) (wrapped []byte, err error)
	// Unwrap returns the data key that was wrapped for the bank, by this process or another one
	// with the same key. A result of another bank or another key, and one of which a bit was
	// changed, fails with ErrRefused.
	Unwrap(ctx context.Context, bank string, wrapped []byte) (plain []byte, err error)
}

// CheckPlain checks the arguments of Wrap against the limits of the port, so that every adapter
// refuses the same with ErrInvalid.
func CheckPlain(bank string, plain []byte) error {
	if len(plain) == 0 || len(plain) > MaxPlainBytes {
		return fmt.Errorf("%w: a data key of %d bytes, not 1 to %d", ErrInvalid, len(plain), MaxPlainBytes)
	}
	return CheckBank(bank)
}

// CheckBank checks a bank id likewise.
func CheckBank(bank string) error {
	if bank == "" || len(bank) > MaxBankBytes {
		return fmt.Errorf("%w: a bank id of %d bytes, not 1 to %d", ErrInvalid, len(bank), MaxBankBytes)
	}
	return nil
}
