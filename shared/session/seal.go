package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// errNoKey: the bank has no data key yet from which the key of sessions is derived, or it cannot be
// used.
var errNoKey = errors.New("the bank has no data key that sessions could be sealed with")

// sealer makes and reads cookies that only programs of the bank can make and read: AES-256-GCM with
// a key that each of them derives. What a cookie is for is its additional data, so that none passes
// as another.
type sealer struct {
	derive func(label string) ([]byte, bool)
}

// cipher returns the AEAD.
func (s sealer) cipher() (cipher.AEAD, error) {
	key, ok := s.derive("session")
	if !ok {
		return nil, errNoKey
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal returns plain as text for a cookie of a purpose.
func (s sealer) seal(purpose string, plain []byte) (string, error) {
	aead, err := s.cipher()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, plain, []byte(purpose))), nil
}

// open returns what seal sealed for the purpose. It reports false for anything else.
func (s sealer) open(purpose, text string) ([]byte, bool) {
	aead, err := s.cipher()
	if err != nil {
		return nil, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, false
	}
	plain, err := aead.Open(nil, nil, sealed, []byte(purpose))
	return plain, err == nil
}

// token returns the token of the forms of a browser that has an id in a cookie.
func (s sealer) token(id []byte) (string, error) {
	key, ok := s.derive("session form")
	if !ok {
		return "", errNoKey
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(id)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// idBytes is the size of the id of a session.
const idBytes = 16

// content is what a session is.
type content struct {
	// began is when the person signed in, to the second.
	began time.Time
	// id is random; the tokens of the session's forms are bound to it.
	id [idBytes]byte
	// bearer is the key or token.
	bearer string
}

// encode returns the session as bytes: began, id and bearer.
func (c content) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.began.Unix()))
	return appendBearer(append(b, c.id[:]...), c.bearer)
}

// decodeContent returns what encode wrote.
func decodeContent(b []byte) (c content, ok bool) {
	if len(b) < 8+idBytes {
		return c, false
	}
	c.began, c.id = time.Unix(int64(binary.BigEndian.Uint64(b)), 0), [idBytes]byte(b[8:])
	c.bearer, ok = readBearer(b[8+idBytes:])
	return c, ok
}

// The first byte of a bearer says how it follows.
const (
	plainBearer  = 0
	tokenBearer  = 1 // three parts that were base64url, each but the last after its length
	maxTokenPart = 16 << 10
)

// appendBearer appends a bearer. A token is base64 already, which its cookie will be once more: it
// is written as the bytes that it stands for, since tokens of a provider are often close to the 4
// KB that browsers keep.
func appendBearer(b []byte, bearer string) []byte {
	parts := strings.Split(bearer, ".")
	if len(parts) == 3 {
		packed := append(b, tokenBearer)
		for i, part := range parts {
			raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
			if err != nil || len(raw) > maxTokenPart || strings.ContainsAny(part, "\r\n") {
				break
			}
			if i == 2 {
				return append(packed, raw...)
			}
			packed = append(binary.AppendUvarint(packed, uint64(len(raw))), raw...)
		}
	}
	return append(append(b, plainBearer), bearer...)
}

// readBearer returns the bearer that appendBearer wrote.
func readBearer(b []byte) (string, bool) {
	if len(b) == 0 {
		return "", false
	}
	kind, b := b[0], b[1:]
	if kind != tokenBearer {
		return string(b), kind == plainBearer
	}
	parts := make([]string, 0, 3)
	for len(parts) < 2 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return "", false
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(b[size:size+int(n)]))
		b = b[size+int(n):]
	}
	return strings.Join(append(parts, base64.RawURLEncoding.EncodeToString(b)), "."), true
}
