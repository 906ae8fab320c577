package archivelog

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"passbook/shared/event"
	"passbook/shared/segment"
)

// KindSegment is the kind of a leaf that names a segment. There is no other yet.
const KindSegment = "segment"

// maxLeaf bounds the text of a leaf: a key has at most 1,024 bytes.
const maxLeaf = 2048

// Leaf is an element of the log: an object of the archive and its content.
type Leaf struct {
	Kind string `json:"kind"`
	// Key is the object's, Bytes its length, and Sum the SHA-256 of all of it.
	Key   string `json:"key"`
	Bytes int64  `json:"bytes"`
	Sum   string `json:"sha256"`
	// Rows and Entries are the segment's; Root is the Merkle root over the hashes of its entries,
	// which a segment of format 1 does not have.
	Rows    int64  `json:"rows"`
	Entries int64  `json:"entries"`
	Root    string `json:"entries_root,omitempty"`
}

// LeafOf returns the leaf of a segment from its bytes and its footer.
func LeafOf(key string, data []byte, f segment.Footer) Leaf {
	l := Leaf{Kind: KindSegment, Key: key, Bytes: int64(len(data)), Sum: event.Hash(sha256.Sum256(data)).String(), Rows: f.Rows, Entries: f.Entries}
	if f.Format >= 2 {
		l.Root = f.Root.String()
	}
	return l
}

// text returns the bytes that the log hashes, without a line feed.
func (l Leaf) text() []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(l) // strings and numbers: it never fails
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// parseLeaf reads what text returns, and nothing else: a leaf of a later release is an error that
// says so.
func parseLeaf(text []byte) (l Leaf, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	err = decoder.Decode(&l)
	switch {
	case err != nil || len(text) > maxLeaf:
		return l, fmt.Errorf("not a leaf: %.100q", text)
	case l.Kind != KindSegment:
		return l, fmt.Errorf("a leaf of kind %.40q, which a newer program wrote", l.Kind)
	case !bytes.Equal(l.text(), text):
		return l, fmt.Errorf("not a leaf as this program writes it: %.100q", text)
	}
	return l, nil
}
