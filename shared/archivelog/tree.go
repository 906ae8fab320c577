package archivelog

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// The tiles into which the tree is divided for its readers: each has the hashes of 256 complete
// subtrees, of 256^level leaves each.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tile is a tile of hashes, or a part of its beginning.
type tile struct {
	level  int
	number int64
	hashes []tlog.Hash
}

// tree is the Merkle tree of RFC 6962 (section 2.1) over leaves that are added one after another.
// It keeps the right edge only: of each level the hashes of the tile that is not complete.
type tree struct {
	size  int64
	edges [][]tlog.Hash
}

func (t *tree) clone() *tree {
	c := &tree{size: t.size}
	for _, edge := range t.edges {
		c.edges = append(c.edges, slices.Clone(edge))
	}
	return c
}

// add adds a leaf and returns the tiles that it completes.
func (t *tree) add(leaf []byte) (complete []tile) {
	t.size++
	hash := tlog.RecordHash(leaf)
	for level := 0; ; level++ {
		if level == len(t.edges) {
			t.edges = append(t.edges, nil)
		}
		t.edges[level] = append(t.edges[level], hash)
		if len(t.edges[level]) < tileWidth {
			return complete
		}
		full := t.edges[level]
		t.edges[level] = nil
		complete = append(complete, tile{level, t.size>>(tileHeight*(level+1)) - 1, full})
		hash = subtree(full)
	}
}

// partial returns the tiles at the edge that are not complete.
func (t *tree) partial() (tiles []tile) {
	for level, edge := range t.edges {
		if len(edge) > 0 {
			tiles = append(tiles, tile{level, t.size >> (tileHeight * (level + 1)), edge})
		}
	}
	return tiles
}

// root returns the root of the tree, which MUST have a leaf.
func (t *tree) root() tlog.Hash {
	var roots []tlog.Hash // of the complete subtrees, the largest first
	for _, edge := range slices.Backward(t.edges) {
		for width := tileWidth / 2; width > 0; width /= 2 {
			if len(edge)&width != 0 {
				roots = append(roots, subtree(edge[:width]))
				edge = edge[width:]
			}
		}
	}
	root := roots[len(roots)-1]
	for _, left := range slices.Backward(roots[:len(roots)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// subtree returns the root over a power of two of hashes.
func subtree(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(subtree(hashes[:half]), subtree(hashes[half:]))
}
