package event

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"passbook/shared/canonicaljson"
)

// ErrHash: an entry does not match its hash. It is damaged, or was tampered with.
var ErrHash = errors.New("event: the entry does not match its hash")

// ErrDamaged: what a store has in the place of an entry is none that a program writes there.
var ErrDamaged = errors.New("damaged: no program writes such an entry")

// String returns the hash as 43 characters of unpadded base64url.
func (h Hash) String() string {
	var room [43]byte
	base64.RawURLEncoding.Encode(room[:], h[:])
	return string(room[:])
}

// sumOf returns the hash of bytes that are in two pieces.
func sumOf(first, second []byte) (h Hash) {
	sum := sha256.New()
	sum.Write(first)
	sum.Write(second)
	sum.Sum(h[:0])
	return h
}

// IsZero reports whether this is the hash before version 1.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads what String writes.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if !canonicaljson.DecodeURL(h[:], s) {
		return Hash{}, errors.New("event: a hash must be 43 characters of unpadded base64url")
	}
	return h, nil
}
