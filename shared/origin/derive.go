package origin

import (
	"crypto/hkdf"
	"crypto/sha256"

	"passbook/shared/event"
)

// Derive returns a key of event.KeyBytes for the purpose that a label names, by HKDF-SHA-256 from
// the bank's first data key, with the bank's id as salt. It is the same in every process of the
// bank, and remains so when a newer data key signs. It reports false while the bank has no data
// key, because its entries have format 1, or while the key cannot be unwrapped.
func (k *Keeper) Derive(label string) ([]byte, bool) {
	now := k.now.Load()
	first := now.plain[FirstKey]
	if first == nil {
		return nil, false
	}
	derived, err := hkdf.Key(sha256.New, first, []byte(now.bank.ID), "passbook "+label, event.KeyBytes)
	return derived, err == nil
}
