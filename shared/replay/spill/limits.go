package spill

import "cmp"

// DefaultMemory is how much memory Limits have that name none.
const DefaultMemory = 256 << 20

// Limits are where records are sorted, and with how much memory.
type Limits struct {
	// Dir is the directory of the scratch file; "" is that of the system for temporary files.
	Dir string
	// Memory is about how many bytes records take in memory, and what is made of them; 0 means
	// DefaultMemory.
	Memory int64
}

const (
	// maxParts bounds the parts, each of which fills a chunk.
	maxParts = 1024
	// A chunk is what is written at once.
	minChunk, maxChunk = 512, 64 << 10
	// grows is about how many times the memory of its record a decoded one takes.
	grows = 4
)

func (l Limits) memory() int64 { return cmp.Or(l.Memory, DefaultMemory) }

// unwritten returns how many bytes of records are in memory before any are written.
func (l Limits) unwritten() int64 { return l.memory() / 2 }

// ofPart returns how many bytes the records of a part may have.
func (l Limits) ofPart() int64 { return max(1, l.memory()/4) }

// decoded returns how many bytes the records that are visited at once may take.
func (l Limits) decoded() int64 { return max(1, l.memory()/4) }

// Parts returns into how many parts to divide the accounts whose records have about so many bytes.
// It is 1 where they fit in memory.
func (l Limits) Parts(bytes int64) int {
	if bytes <= l.unwritten() {
		return 1
	}
	return int(min(1+bytes/l.ofPart(), maxParts))
}

// chunk returns the size of a chunk, of which each part has one in memory.
func (l Limits) chunk(parts int) int {
	return int(max(minChunk, min(l.memory()/8/int64(parts), maxChunk)))
}
