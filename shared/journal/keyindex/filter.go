package keyindex

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"
)

const (
	// FilterPages is how many pages a filter covers: filter g has the keys of the pages 64·g …
	// 64·g+63, which are all complete.
	FilterPages = 64

	// filterBits is how many bits a filter has for each of its keys, and filterProbes how many of
	// them a key sets. Of the keys that a filter does not have, it seems to have one in 1,700.
	filterBits   = 16
	filterProbes = 8

	filterTimeBytes = 8
)

// Filter is a Bloom filter of the keys of FilterPages pages. It has each of their keys, and may
// seem to have others. Its stored form is Bits and Times: a function of the entries.
type Filter struct {
	Number int64
	Bits   []byte
	// Times are the times of the pages, At in microseconds since 1970: 8 bytes each, big-endian,
	// zero where a page has no entry.
	Times []byte
}

// newFilter makes a filter of all its pages, the oldest first.
func newFilter(number int64, pages []Page) Filter {
	f := Filter{Number: number, Times: make([]byte, 0, FilterPages*filterTimeBytes)}
	keys := 0
	for _, p := range pages {
		keys += p.count()
		at := int64(0)
		if !p.At.IsZero() {
			at = p.At.UnixMicro()
		}
		f.Times = binary.BigEndian.AppendUint64(f.Times, uint64(at)) //nolint:gosec // only stored
	}
	f.Bits = make([]byte, keys*filterBits/8)
	for _, p := range pages {
		for keys := p.Keys; len(keys) > 0; keys = keys[pageKeyBytes:] {
			for at := range f.probes(keyHash(keys)) {
				f.Bits[at/8] |= 1 << (at % 8)
			}
		}
	}
	return f
}

// StoredFilter returns a filter that was read from its stored form.
func StoredFilter(number int64, bits, times []byte) (Filter, error) {
	if len(times) != FilterPages*filterTimeBytes {
		return Filter{}, errors.New("keyindex: a filter with the times of other pages")
	}
	return Filter{Number: number, Bits: bits, Times: times}, nil
}

// probes yields the bits of a key.
func (f Filter) probes(h keyHash) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		x, step := binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[4:])|1
		for range filterProbes {
			at, _ := bits.Mul64(x, uint64(len(f.Bits))*8)
			if !yield(at) {
				return
			}
			x += step
		}
	}
}

// has reports whether a key of the pages may have that hash.
func (f Filter) has(h keyHash) bool {
	if len(f.Bits) == 0 {
		return false
	}
	for at := range f.probes(h) {
		if f.Bits[at/8]&(1<<(at%8)) == 0 {
			return false
		}
	}
	return true
}

// at returns the time of the filter's page i, the zero time where that has no entry.
func (f Filter) at(i int) time.Time {
	at := int64(binary.BigEndian.Uint64(f.Times[i*filterTimeBytes:])) //nolint:gosec // see newFilter
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// Pages returns how many of the pages that the filter covers have an entry.
func (f Filter) Pages() (n int) {
	for i := range FilterPages {
		if !f.at(i).IsZero() {
			n++
		}
	}
	return n
}

// Agrees reports whether the filter has the time and all keys of a page that it covers.
func (f Filter) Agrees(p Page) bool {
	if i := p.Number - f.Number*FilterPages; i < 0 || i >= FilterPages || !f.at(int(i)).Equal(p.At) {
		return false
	}
	for keys := p.Keys; len(keys) > 0; keys = keys[pageKeyBytes:] {
		if !f.has(keyHash(keys)) {
			return false
		}
	}
	return true
}
