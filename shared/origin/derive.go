package origin

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"time"

	"passbook/shared/event"
)

// replacedFor is how long after a rotation another process may still use the key before it: longer
// than a process takes to notice the rotation and to sign with the new one.
const replacedFor = time.Minute

// Derive returns a key of event.KeyBytes for the purpose that a label names, by HKDF-SHA-256 from
// the bank's first data key, with the bank's id as salt. It is the same in every process of the
// bank, and remains so when a newer data key signs. It reports false while the bank has no data
// key, because its entries have format 1, or while the key cannot be unwrapped.
func (k *Keeper) Derive(label string) ([]byte, bool) { return k.now.Load().derive(label, FirstKey) }

// DeriveCurrent returns the key that Derive would return if the data key that signs now were the
// first, and the id of that data key. It is for what does not have to outlive a rotation, so that
// who knew an older data key cannot make it.
func (k *Keeper) DeriveCurrent(label string) (id int, key []byte, ok bool) {
	now := k.now.Load()
	id = cmp.Or(now.signer(), now.bank.Key)
	key, ok = now.derive(label, id)
	return id, key, ok
}

// DeriveRecent returns the key that another process may have by DeriveCurrent, from the data key
// with an id: the newest, or within a minute of a rotation the one before it.
func (k *Keeper) DeriveRecent(label string, id int) ([]byte, bool) {
	now := k.now.Load()
	before := id == now.bank.Key-1 && time.Since(now.bank.KeySince) <= replacedFor
	if id != now.bank.Key && !before {
		return nil, false
	}
	return now.derive(label, id)
}

func (r *reading) derive(label string, id int) ([]byte, bool) {
	from := r.plain[id]
	if from == nil {
		return nil, false
	}
	derived, err := hkdf.Key(sha256.New, from, []byte(r.bank.ID), "passbook "+label, event.KeyBytes)
	return derived, err == nil
}
