package segment

import (
	"crypto/sha256"

	"passbook/shared/event"
)

// tree computes the Merkle root over the hashes of a segment's entries, in their order, as RFC 6962
// defines it for the leaves of a log (section 2.1). With it the presence of one entry can be proven
// without the others.
type tree struct {
	leaves int64
	// full are the roots of the full subtrees so far, the largest first: one for each bit of
	// leaves.
	full []event.Hash
}

// The first bytes of what is hashed keep leaves and nodes apart.
const (
	leafPrefix = 0
	nodePrefix = 1
)

func (t *tree) add(entry event.Hash) {
	root := prefixedSum(leafPrefix, entry[:], nil)
	for bits := t.leaves; bits&1 == 1; bits >>= 1 {
		last := len(t.full) - 1
		root = prefixedSum(nodePrefix, t.full[last][:], root[:])
		t.full = t.full[:last]
	}
	t.full = append(t.full, root)
	t.leaves++
}

// root returns the root over the leaves so far, of which there MUST be one.
func (t *tree) root() event.Hash {
	last := len(t.full) - 1
	root := t.full[last]
	for i := last - 1; i >= 0; i-- {
		root = prefixedSum(nodePrefix, t.full[i][:], root[:])
	}
	return root
}

func prefixedSum(prefix byte, a, b []byte) event.Hash {
	var room [1 + 2*sha256.Size]byte
	return sha256.Sum256(append(append(append(room[:0], prefix), a...), b...))
}
