package affinity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"passbook/shared/access"
	"passbook/shared/api"
)

// Keys gives the bank's key that calls between writers are signed with; *origin.Keeper does.
type Keys interface {
	// Derive returns a key for the purpose that a label names, false where there is none.
	Derive(label string) ([]byte, bool)
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
	errUnsigned  = errors.New("the call is not signed with the bank's key")
	errOld       = errors.New("the call was sent more than a minute ago, or a minute from now: compare the clocks of the writers")
	errNoKey     = errors.New("this writer cannot read the bank's key, so it decides no command of others")
	errOtherForm = errors.New("a call of another release, which this one does not understand")
)

// sign returns the signature of a call to the writer with a secret, empty while the bank has no
// key.
func sign(keys Keys, secret string, meta, body []byte) string {
	key, ok := keys.Derive(keyLabel)
	if !ok {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(signature(key, secret, meta, body))
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
	if keys.BankFormat() >= 2 {
		key, ok := keys.Derive(keyLabel)
		if !ok {
			return c, errNoKey
		}
		mac, err := base64.RawURLEncoding.Strict().DecodeString(signed)
		if err != nil || !hmac.Equal(mac, signature(key, secret, meta, body)) {
			return c, errUnsigned
		}
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
