package event

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"

	"passbook/shared/canonicaljson"
)

// KeyBytes is the size of a data key: that of the output of HMAC's hash, as RFC 2104 section 3
// recommends.
const KeyBytes = 32

// ErrForeign: an entry was not made by a program that has the bank's data key.
var ErrForeign = errors.New("foreign: no program of this bank made the entry")

// UnknownKeyError is the ErrForeign of a MAC under a key that the keyring does not have. The key
// may be newer than the keyring.
type UnknownKeyError struct{ Key int }

// Error returns which key is unknown.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("%v: its mac is under key %d, which the bank does not have", ErrForeign, e.Key)
}

// Unwrap returns ErrForeign.
func (e *UnknownKeyError) Unwrap() error { return ErrForeign }

// MAC proves where an entry is from: Sum is the first 128 bits of the HMAC-SHA-256, under data key
// Key of the bank, of the bank's id, a line feed and the entry's hash. RFC 2104 section 5 allows a
// tag of half the hash. The zero MAC is none.
type MAC struct {
	Key int
	Sum [16]byte
}

// The bounds of a MAC's text: the key's id in up to six digits, a colon and the sum.
const (
	maxKeyID    = 999_999
	sumText     = 22
	maxMACBytes = 6 + 1 + sumText
)

// String returns the MAC as "<key id>:<22 characters of unpadded base64url>", empty of none.
func (m MAC) String() string {
	if m.IsZero() {
		return ""
	}
	var room [maxMACBytes]byte
	return string(m.appendTo(room[:0]))
}

// appendTo appends the text of a MAC that is there.
func (m MAC) appendTo(dst []byte) []byte {
	dst = append(strconv.AppendInt(dst, int64(m.Key), 10), ':')
	return base64.RawURLEncoding.AppendEncode(dst, m.Sum[:])
}

// IsZero reports whether there is no MAC.
func (m MAC) IsZero() bool { return m == MAC{} }

// ParseMAC reads what String writes.
func ParseMAC(s string) (m MAC, err error) {
	id, text, _ := strings.Cut(s, ":")
	m.Key, err = strconv.Atoi(id)
	if err != nil || !canonicaljson.DecodeURL(m.Sum[:], text) || m.Key < 1 || m.Key > maxKeyID {
		return MAC{}, errors.New("event: a mac must be a key's id, a colon and 22 characters of unpadded base64url")
	}
	var room [maxMACBytes]byte
	if string(m.appendTo(room[:0])) != s {
		return MAC{}, errors.New("event: a mac must have no leading zero")
	}
	return m, nil
}

// field writes or reads the MAC.
func (m *MAC) field(c *canonicaljson.Codec) {
	text := m.String()
	c.String("mac", &text, maxMACBytes)
	if c.Err() != nil || !c.Reading() {
		return
	}
	read, err := ParseMAC(text)
	c.Check(err == nil, "mac", "must be a key's id, a colon and 22 characters of base64url")
	*m = read
}

// Signer makes the MAC of an entry with a hash.
type Signer interface{ Sign(Hash) MAC }

// Keyring makes and checks the MACs of one bank. It is safe for concurrent use.
type Keyring struct {
	newest int
	keys   map[int]*sync.Pool // of *keyedHash
	prefix []byte             // the bank's id and a line feed
}

// keyedHash computes MACs of one key, in its own memory.
type keyedHash struct {
	mac  hash.Hash
	room [sha256.Size]byte
}

// NewKeyring returns a bank's keyring of data keys by id, from 1. The one with the greatest id
// signs. It fails without a key, and for a key of another size than KeyBytes.
func NewKeyring(bank string, keys map[int][]byte) (*Keyring, error) {
	k := &Keyring{keys: make(map[int]*sync.Pool, len(keys)), prefix: append([]byte(bank), '\n')}
	for id, key := range keys {
		if id < 1 || id > maxKeyID || len(key) != KeyBytes {
			return nil, fmt.Errorf("event: data key %d of %d bytes: want an id from 1 to %d and %d bytes", id, len(key), maxKeyID, KeyBytes)
		}
		k.keys[id] = &sync.Pool{New: func() any { return &keyedHash{mac: hmac.New(sha256.New, key)} }}
		k.newest = max(k.newest, id)
	}
	if k.newest == 0 {
		return nil, errors.New("event: a bank without a data key")
	}
	return k, nil
}

// Newest returns the id of the key that signs.
func (k *Keyring) Newest() int { return k.newest }

// Sign returns the MAC of an entry with a hash, under the newest key.
func (k *Keyring) Sign(h Hash) MAC { return MAC{Key: k.newest, Sum: k.sum(k.newest, h)} }

// Verify returns nil if m is the MAC of an entry with a hash, else ErrForeign, which is an
// *UnknownKeyError where the keyring does not have the key.
func (k *Keyring) Verify(h Hash, m MAC) error {
	if m.IsZero() {
		return fmt.Errorf("%w: it has no mac", ErrForeign)
	}
	if k.keys[m.Key] == nil {
		return &UnknownKeyError{m.Key}
	}
	want := k.sum(m.Key, h)
	if !hmac.Equal(want[:], m.Sum[:]) {
		return fmt.Errorf("%w: its mac is wrong", ErrForeign)
	}
	return nil
}

func (k *Keyring) sum(key int, h Hash) (sum [16]byte) {
	keyed := k.keys[key].Get().(*keyedHash)
	mac := keyed.mac
	mac.Reset()
	mac.Write(k.prefix)
	copy(keyed.room[:], h[:]) // what is given to an interface is on the heap
	mac.Write(keyed.room[:])
	copy(sum[:], mac.Sum(keyed.room[:0]))
	k.keys[key].Put(keyed)
	return sum
}
