package event

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// The MAC is HMAC-SHA-256 as any library computes it: this one is of Python's hmac.
func TestKeyringSigns(t *testing.T) {
	h := Hash(sha256.Sum256([]byte("an entry")))
	m := testKeys.Sign(h)
	if want := "1:nht5acpYNjtxg665Myyc7A"; m.String() != want {
		t.Errorf("mac %s, want %s", m, want)
	}
	if err := testKeys.Verify(h, m); err != nil {
		t.Error(err)
	}
}

func TestKeyringRefuses(t *testing.T) {
	h := Hash(sha256.Sum256([]byte("an entry")))
	m := testKeys.Sign(h)
	altered, other := m, m
	altered.Sum[15] ^= 1
	other.Key = 2
	ring := func(bank string, keys map[int][]byte) *Keyring {
		k, err := NewKeyring(bank, keys)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	key := bytes.Repeat([]byte{7}, KeyBytes)
	for name, c := range map[string]struct {
		ring *Keyring
		hash Hash
		mac  MAC
	}{
		"another hash":                   {testKeys, Hash{1}, m},
		"a changed bit":                  {testKeys, h, altered},
		"no mac":                         {testKeys, h, MAC{}},
		"an unknown key":                 {testKeys, h, other},
		"another bank with the same key": {ring("bank-2", map[int][]byte{1: key}), h, m},
		"another key":                    {ring("bank-1", map[int][]byte{1: bytes.Repeat([]byte{8}, KeyBytes)}), h, m},
		"a bank's id that ends later":    {ring("bank-1\n", map[int][]byte{1: key}), h, m},
	} {
		err := c.ring.Verify(c.hash, c.mac)
		var unknown *UnknownKeyError
		if !errors.Is(err, ErrForeign) || errors.As(err, &unknown) != (name == "an unknown key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The key with the greatest id signs, and the older ones still verify.
func TestKeyringRotates(t *testing.T) {
	before, after := bytes.Repeat([]byte{7}, KeyBytes), bytes.Repeat([]byte{9}, KeyBytes)
	rotated, err := NewKeyring("bank-1", map[int][]byte{1: before, 2: after})
	if err != nil {
		t.Fatal(err)
	}
	h := Hash{3}
	if m := rotated.Sign(h); m.Key != 2 || rotated.Newest() != 2 || rotated.Verify(h, m) != nil {
		t.Errorf("signed with %s", m)
	}
	if err := rotated.Verify(h, testKeys.Sign(h)); err != nil {
		t.Errorf("mac of the key before: %v", err)
	}
}

func TestNewKeyringRefuses(t *testing.T) {
	for name, keys := range map[string]map[int][]byte{
		"no key": {}, "a short key": {1: make([]byte, 31)}, "key 0": {0: make([]byte, 32)}, "an id that is too great": {1_000_000: make([]byte, 32)},
	} {
		if _, err := NewKeyring("bank-1", keys); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMACText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := MAC{Key: rapid.IntRange(1, maxKeyID).Draw(t, "key")}
		copy(m.Sum[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "sum"))
		if got, err := ParseMAC(m.String()); err != nil || got != m || len(m.String()) > maxMACBytes {
			t.Fatalf("%s is read as %s, %v", m, got, err)
		}
	})
	for _, bad := range []string{"", ":", "1", "1:", "x:AAAAAAAAAAAAAAAAAAAAAA", "01:AAAAAAAAAAAAAAAAAAAAAA", "+1:AAAAAAAAAAAAAAAAAAAAAA", "1:AAAAAAAAAAAAAAAAAAAAAB", "1:AAAAAAAAAAAAAAAAAAAAAAA", "1000000:AAAAAAAAAAAAAAAAAAAAAA"} {
		if m, err := ParseMAC(bad); err == nil {
			t.Errorf("%q is read as %s", bad, m)
		}
	}
}

func BenchmarkMAC(b *testing.B) {
	h := Hash(sha256.Sum256([]byte("an entry")))
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			testKeys.Sign(h)
		}
	})
	m := testKeys.Sign(h)
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := testKeys.Verify(h, m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
