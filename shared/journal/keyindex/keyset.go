package keyindex

import "encoding/binary"

// slotBytes is a slot of a keySet: a key's hash, and 4 bytes of version, big-endian, less the set's
// base; a free slot is all zeros.
const slotBytes = pageKeyBytes

// maxLoad of a set's slots have a key at most; a full set grows by 28 %. So a key takes 20 to 26
// bytes, where one of a Go map takes 60.
const maxLoad = 0.8

// keySet maps hashes of keys to versions above base: a table of slots with linear probing. The
// hashes are uniform, so their first bytes place them.
type keySet struct {
	base  int64
	slots []byte
	count int
}

// reserve makes room for n keys.
func (s *keySet) reserve(n int) {
	if want := int(float64(n)/maxLoad) + 1; want*slotBytes > len(s.slots) {
		s.resize(want)
	}
}

func (s *keySet) resize(slots int) {
	old := s.slots
	s.slots = make([]byte, slots*slotBytes)
	for ; len(old) > 0; old = old[slotBytes:] {
		if free(old) {
			continue
		}
		copy(s.slot(keyHash(old)), old[:slotBytes])
	}
}

// free reports whether the first slot has no key: no version is the base.
func free(slots []byte) bool { return binary.BigEndian.Uint32(slots[keyHashBytes:]) == 0 }

// slot returns the slots from that of a hash on, or from the free one that it would get.
func (s *keySet) slot(h keyHash) []byte {
	n := uint64(len(s.slots) / slotBytes)
	at := int(uint64(binary.BigEndian.Uint32(h[:])) * n >> 32)
	for {
		slot := s.slots[at*slotBytes:]
		if free(slot) || keyHash(slot) == h {
			return slot
		}
		if at++; at == int(n) {
			at = 0
		}
	}
}

// set sets the version of a hash, which is above the base and less than 2^32 above it.
func (s *keySet) set(h keyHash, version int64) {
	if float64(s.count+1) > maxLoad*float64(len(s.slots)/slotBytes) {
		s.resize(max(8, (s.count+1)*8/5))
	}
	slot := s.slot(h)
	if free(slot) {
		s.count++
		copy(slot, h[:])
	}
	binary.BigEndian.PutUint32(slot[keyHashBytes:], uint32(version-s.base)) //nolint:gosec // see above
}

// get returns the version of a hash, false if it has none.
func (s *keySet) get(h keyHash) (int64, bool) {
	if s.count == 0 {
		return 0, false
	}
	slot := s.slot(h)
	return s.base + int64(binary.BigEndian.Uint32(slot[keyHashBytes:])), !free(slot)
}
