package origin_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/keywrap"
	"passbook/shared/origin"
)

// A derived key is the same in every process and after a rotation, since what it made outlives
// both. A bank of format 1 has nothing to derive one from.
func TestDerivedKeysAreTheSameInEveryProcessAndAfterARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.write(origin.Bank{ID: "b", Format: 1})
		first := b.open()
		if _, ok := first.Derive("actor"); ok {
			t.Error("a bank of format 1 derived a key")
		}
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		time.Sleep(5 * time.Second)
		want, ok := first.Derive("actor")
		if !ok || len(want) != event.KeyBytes {
			t.Fatalf("%d bytes, %t", len(want), ok)
		}
		b.key(2)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 2, Heads: "sum"})
		time.Sleep(5 * time.Second)
		for _, k := range []*origin.Keeper{first, b.open()} {
			if e := entry(t, k); e.MAC.Key == 1 && k == first {
				t.Error("the rotation did not happen")
			}
			if got, ok := k.Derive("actor"); !ok || !bytes.Equal(got, want) {
				t.Errorf("after a rotation the key is another: %x, %x", got, want)
			}
			if other, _ := k.Derive("session"); bytes.Equal(other, want) {
				t.Error("two labels have one key")
			}
		}
	})
}

// What does not outlive a rotation is made with a key of the data key that signs. The one before it
// is known for a minute, since processes notice a rotation one after the other, and none older
// ever.
func TestCurrentKeysAreThoseOfTheDataKeyThatSigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.write(origin.Bank{ID: "b", Format: 1})
		k := b.open()
		if id, _, ok := k.DeriveCurrent("call"); ok {
			t.Errorf("a bank of format 1 derived a key of %d", id)
		}
		for id := range 3 {
			b.key(id + 1)
			b.write(origin.Bank{ID: "b", Format: 2, Key: id + 1, Heads: "sum"})
			time.Sleep(1500 * time.Millisecond) // it is read
			other := b.open()
			for range 2 { // while the one before signs, and afterwards
				for _, sender := range []*origin.Keeper{k, other} {
					with, key, ok := sender.DeriveCurrent("call")
					if _, first := sender.Derive("call"); !ok || !first || with != id+1 && with != id {
						t.Fatalf("after rotation %d a key of %d, %t", id, with, ok)
					}
					for _, receiver := range []*origin.Keeper{k, other} {
						if same, ok := receiver.DeriveRecent("call", with); !ok || !bytes.Equal(same, key) {
							t.Errorf("after rotation %d, of key %d: %t", id, with, ok)
						}
						if _, ok := receiver.DeriveRecent("call", id-1); ok {
							t.Errorf("after rotation %d a key of %d", id, id-1)
						}
					}
				}
				time.Sleep(5 * time.Second)
			}
			if with, _, _ := k.DeriveCurrent("call"); with != id+1 {
				t.Errorf("after rotation %d key %d signs", id, with)
			}
			time.Sleep(time.Minute)
			for _, receiver := range []*origin.Keeper{k, other, b.open()} {
				if _, ok := receiver.DeriveRecent("call", id); ok {
					t.Errorf("a minute after rotation %d, key %d is known", id, id)
				}
				if _, ok := receiver.DeriveRecent("call", id+2); ok {
					t.Errorf("key %d, which there is not", id+2)
				}
			}
		}
	})
}

// What is made under a derived key is stored, so that no release may derive another.
func TestDerivedKeysAreTheSameInEveryRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		k, err := origin.Open(t.Context(), origin.Config{Table: b.tables, Keys: plainKey{b.keys}, Journal: journal.NewReader(b.Table)})
		if err != nil {
			t.Fatal(err)
		}
		// RFC 5869 by hand: PRK = HMAC("b", 32 bytes of 7), HMAC(PRK, "passbook actor main" 0x01)
		const want = "e30e2414b0e4c61c33af21df03adedf183aeba4edbca5e0edbfc18763300513a"
		if got, _ := k.Derive("actor main"); hex.EncodeToString(got) != want {
			t.Errorf("%x", got)
		}
	})
}

// plainKey is a Wrapper that unwraps every key to the same known bytes.
type plainKey struct{ keywrap.Wrapper }

func (plainKey) Unwrap(context.Context, string, []byte) ([]byte, error) {
	return bytes.Repeat([]byte{7}, event.KeyBytes), nil
}
