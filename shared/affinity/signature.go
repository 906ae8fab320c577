package affinity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"passbook/shared/access"
	"passbook/shared/api"
)

// Keys gives the bank's key that calls between writers are signed with; *origin.Keeper does.
type Keys interface {
	// DeriveCurrent returns a key for the purpose that a label names, and the id of the data key
	// that it is of, false where there is none. DeriveRecent returns the key of a data key that is
	// the current one, or was until a moment ago.
	DeriveCurrent(label string) (id int, key []byte, ok bool)
	DeriveRecent(label string, id int) ([]byte, bool)
	// BankFormat returns the newest format of the bank's entries. From 2 on the bank has a key.
	BankFormat() int
}

// keyLabel is the purpose of the key that calls are signed with.
const keyLabel = "call between writers"

// maxAge is how old a call may be, or how far ahead of this clock, when it arrives.
const maxAge = time.Minute

// call is a command on its way to another writer, in one header.
type call struct {
	// Sent is the sender's time in microseconds since 1970, and Left what the sender's caller
	// waits, in milliseconds.
	Sent int64 `json:"sent"`
	Left int64 `json:"left_ms"`
	api.Forwarded
}

// The errors of calls that are refused. Nothing was done.
var (
	errUnsigned  = errors.New("the call is not signed with the bank's newest data key, as this writer knows it")
	errOld       = errors.New("the call was sent more than a minute ago, or a minute from now: compare the clocks of the writers")
	errOtherForm = errors.New("a call of another release, which this one does not understand")
)

// sign returns the signature of a call to the writer with a secret, after the id of the data key
// and a colon; empty while the bank has no key.
func sign(keys Keys, secret string, meta, body []byte) string {
	id, key, ok := keys.DeriveCurrent(keyLabel)
	if !ok {
		return ""
	}
	return strconv.Itoa(id) + ":" + base64.RawURLEncoding.EncodeToString(signature(key, secret, meta, body))
}

// signedBy reports whether a call has a signature, with a key of the bank that is not replaced.
func signedBy(keys Keys, secret string, meta, body []byte, signed string) bool {
	id, text, _ := strings.Cut(signed, ":")
	n, err := strconv.Atoi(id)
	if err != nil {
		return false
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(text)
	key, ok := keys.DeriveRecent(keyLabel, n)
	return err == nil && ok && hmac.Equal(mac, signature(key, secret, meta, body))
}

// signature returns the HMAC of the secret of the writer that the call is to, header and body. JSON
// in a header has no line feed, and neither has a secret.
func signature(key []byte, secret string, meta, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(secret), meta, body} {
		mac.Write(part)
		mac.Write([]byte{'\n'})
	}
	return mac.Sum(nil)
}

// verify returns the call that was sent to the writer with a secret. It fails for one that no
// writer of this bank sent in the last minute. A bank of format 1 has no key: there the secret
// alone, by which the connection was made, shows who sent it.
func verify(keys Keys, secret string, meta, body []byte, signed string, now time.Time) (c call, err error) {
	if keys.BankFormat() >= 2 && !signedBy(keys, secret, meta, body, signed) {
		return c, errUnsigned
	}
	// a field that this release does not know may change what the command means
	decoder := json.NewDecoder(bytes.NewReader(meta))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, fmt.Errorf("%w: %w", errOtherForm, err)
	}
	if age := now.Sub(time.UnixMicro(c.Sent)); age > maxAge || age < -maxAge {
		return c, errOld
	}
	if !access.ValidTenant(c.Tenant) {
		return c, fmt.Errorf("%w: it has no tenant", errOtherForm)
	}
	c.Body = body
	return c, nil
}
