// Package eventtest has the data key of a bank, for tests that seal entries and check where they
// are from. No program imports it.
package eventtest

import (
	"bytes"

	"passbook/shared/event"
)

// Bank is the id of the bank whose entries Keys signs.
const Bank = "00000000-0000-4000-8000-000000000001"

// Keys are the data keys of Bank: one, with the id 1.
var Keys = Keyring(Bank, 1)

// Keyring returns the keyring of a bank with the keys of some ids. Keys of one id are equal in all
// banks, so that only the bank's id tells their MACs apart.
func Keyring(bank string, ids ...int) *event.Keyring {
	keys := map[int][]byte{}
	for _, id := range ids {
		keys[id] = bytes.Repeat([]byte{byte(id)}, event.KeyBytes)
	}
	k, err := event.NewKeyring(bank, keys)
	if err != nil {
		panic(err)
	}
	return k
}

// Origin signs entries of format 2 with Keys.
type Origin struct{}

// Format returns 2.
func (Origin) Format() int { return 2 }

// Sign returns the MAC under Keys.
func (Origin) Sign(h event.Hash) event.MAC { return Keys.Sign(h) }
