package event

import (
	"encoding/base64"
	"errors"
)

// ErrHash: an entry does not match its hash. It is damaged, or was tampered with.
var ErrHash = errors.New("event: the entry does not match its hash")

// ErrDamaged: what a store has in the place of an entry is none that a program writes there.
var ErrDamaged = errors.New("damaged: no program writes such an entry")

// String returns the hash as 43 characters of unpadded base64url.
func (h Hash) String() string { return base64.RawURLEncoding.EncodeToString(h[:]) }

// IsZero reports whether this is the hash before version 1.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads what String writes.
func ParseHash(s string) (Hash, error) {
	var h Hash
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != len(h) || len(s) != base64.RawURLEncoding.EncodedLen(len(h)) {
		return Hash{}, errors.New("event: a hash must be 43 characters of unpadded base64url")
	}
	return Hash(raw), nil
}
