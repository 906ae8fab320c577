package archivelog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/bucket"
	"passbook/shared/keywrap"
)

// algorithm is the number of Ed25519 in a note's keys.
const algorithm = 1

// keyObject is a key of the log in the bucket: its public half as a verifier takes it, and its
// private half wrapped.
type keyObject struct {
	Format  int       `json:"format"`
	ID      int       `json:"id"`
	Bank    string    `json:"bank"`
	Since   time.Time `json:"since"`
	Key     string    `json:"key"`
	Wrapped []byte    `json:"wrapped"`
}

// keyPair is a key of the log.
type keyPair struct {
	signer note.Signer
	// public is what a verifier is given.
	public string
}

// wrappedFor returns the name for which a bank's log key is wrapped. It is another than that of its
// data keys, so that a policy can allow one and deny the other.
func wrappedFor(bank string) string { return bank + "/archive-log" }

// newPair returns the key with a seed.
func newPair(bank string, seed []byte) (k keyPair, err error) {
	name := KeyName(bank)
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	k.public, err = note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return k, fmt.Errorf("log key of bank %s: %w", bank, err)
	}
	_, rest, _ := strings.Cut(k.public, "+")
	hash, _, _ := strings.Cut(rest, "+")
	k.signer, err = note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{algorithm}, seed...)))
	if err != nil {
		return k, fmt.Errorf("log key of bank %s: %w", bank, err)
	}
	return k, nil
}

// keyName returns the key of the object of a log key.
func keyName(id int) string { return keysRoot + strconv.Itoa(id) + ".json" }

// openKeys returns the bank's keys of the log, the oldest first. With create it makes the first one
// if there is none. Objects that this bank's wrapper did not wrap are passed over: others may put
// objects into the bucket too.
func openKeys(ctx context.Context, b bucket.Bucket, w keywrap.Wrapper, bank string, create bool, now time.Time) (keys []keyPair, err error) {
	id := 1
	for ; ; id++ {
		text, err := readObject(ctx, b, keyName(id))
		if errors.Is(err, bucket.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		k, err := openKey(ctx, w, bank, text)
		if errors.Is(err, keywrap.ErrRefused) || errors.Is(err, errNoKey) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", keyName(id), err)
		}
		keys = append(keys, k)
	}
	if len(keys) > 0 || !create {
		return keys, nil
	}
	k, err := createKey(ctx, b, w, keyObject{Format: 1, ID: id, Bank: bank, Since: now.UTC().Truncate(time.Second)})
	return []keyPair{k}, err
}

// errNoKey: an object is no key of the bank.
var errNoKey = errors.New("not a key of this bank's log")

// openKey returns the key in the text of an object.
func openKey(ctx context.Context, w keywrap.Wrapper, bank string, text []byte) (k keyPair, err error) {
	var o keyObject
	if json.Unmarshal(text, &o) != nil || o.Format != 1 || o.Bank != bank || len(o.Wrapped) == 0 {
		return k, errNoKey
	}
	seed, err := w.Unwrap(ctx, wrappedFor(bank), o.Wrapped)
	if err != nil {
		return k, err
	}
	if len(seed) != ed25519.SeedSize {
		return k, errNoKey
	}
	k, err = newPair(bank, seed)
	if err == nil && k.public != o.Key {
		err = errNoKey
	}
	return k, err
}

// createKey makes a key and its object. If another process was first, its key is returned.
func createKey(ctx context.Context, b bucket.Bucket, w keywrap.Wrapper, o keyObject) (keyPair, error) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // it never fails
	k, err := newPair(o.Bank, seed)
	if err != nil {
		return k, err
	}
	o.Key = k.public
	o.Wrapped, err = w.Wrap(ctx, wrappedFor(o.Bank), seed)
	if err != nil {
		return k, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return k, fmt.Errorf("log key of bank %s: %w", o.Bank, err)
	}
	err = b.Create(ctx, keyName(o.ID), append(text, '\n'))
	if errors.Is(err, bucket.ErrExists) {
		text, err = readObject(ctx, b, keyName(o.ID))
		if err == nil {
			k, err = openKey(ctx, w, o.Bank, text)
		}
	}
	if err != nil {
		return k, fmt.Errorf("create %s: %w", keyName(o.ID), err)
	}
	return k, nil
}

// verifiers returns what checks the signatures of keys.
func verifiers(keys []keyPair) (all []note.Verifier) {
	for _, k := range keys {
		v, err := note.NewVerifier(k.public)
		if err == nil { // newPair made it
			all = append(all, v)
		}
	}
	return all
}

// Signer returns what signs with the newest key of a bank's log, and what checks the signatures of
// all of them; nil if the log has no key yet.
func Signer(ctx context.Context, b bucket.Bucket, w keywrap.Wrapper, bank string) (note.Signer, []note.Verifier, error) {
	pairs, err := openKeys(ctx, b, w, bank, false, time.Time{})
	if err != nil || len(pairs) == 0 {
		return nil, nil, err
	}
	return pairs[len(pairs)-1].signer, verifiers(pairs), nil
}

// KeyName returns the name of the keys of a bank's log.
func KeyName(bank string) string { return originPrefix + bank }

// PublicKeys returns the public keys of a bank's log as a verifier takes them, the oldest first,
// and without any that was not wrapped for this bank.
func PublicKeys(ctx context.Context, b bucket.Bucket, w keywrap.Wrapper, bank string) (keys []string, err error) {
	pairs, err := openKeys(ctx, b, w, bank, false, time.Time{})
	for _, k := range pairs {
		keys = append(keys, k.public)
	}
	return keys, err
}

// ParseKeys reads public keys, one a line; empty lines and those that begin with # are passed over.
func ParseKeys(text []byte) (keys []note.Verifier, err error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		v, err := note.NewVerifier(string(line))
		if err != nil {
			return nil, fmt.Errorf("public key %.100q: %w", line, err)
		}
		keys = append(keys, v)
	}
	if len(keys) == 0 {
		return nil, errors.New("no public key")
	}
	return keys, nil
}
