package keyindex

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"passbook/shared/event"
)

const (
	// PageSpan is how many versions a page covers: page i has the keys of the entries whose first
	// version is in 1000·i+1 … 1000·(i+1).
	PageSpan = 1000

	// pageKeyBytes is one key in a page: 12 bytes of its SHA-256 and 4 bytes of version,
	// big-endian, less 1000·i.
	pageKeyBytes = keyHashBytes + 4
	keyHashBytes = 12
)

type keyHash [keyHashBytes]byte

func hashKey(key string) keyHash {
	sum := sha256.Sum256([]byte(key))
	return keyHash(sum[:keyHashBytes])
}

// Page is the keys of a range of versions, in the order of the entries. Its stored form is Keys and
// At: a function of the entries.
type Page struct {
	Number int64
	Keys   []byte
	// At is the recorded_at of the last entry, zero when the page has no entry.
	At time.Time
	// From is the recorded_at of the first entry, and Gap the longest time between two. Only pages
	// that were made of entries have them.
	From time.Time
	Gap  time.Duration
}

// Stored returns a page that was read from its stored form.
func Stored(number int64, keys []byte, at time.Time) (Page, error) {
	if len(keys)%pageKeyBytes != 0 {
		return Page{}, errors.New("keyindex: a page of a broken length")
	}
	return Page{Number: number, Keys: keys, At: at}, nil
}

// count returns how many keys the page has.
func (p Page) count() int { return len(p.Keys) / pageKeyBytes }

// find returns the version of the newest key of the page with a hash, by looking at each: a page
// fits into a processor's first cache.
func (p Page) find(h keyHash) (int64, bool) {
	for i := len(p.Keys) - pageKeyBytes; i >= 0; i -= pageKeyBytes {
		if key := p.Keys[i : i+pageKeyBytes]; keyHash(key) == h {
			return p.Number*PageSpan + int64(binary.BigEndian.Uint32(key[keyHashBytes:])), true
		}
	}
	return 0, false
}

// PageOf returns the number of the page that has the keys of an entry, by its first version.
func PageOf(first int64) int64 { return (first - 1) / PageSpan }

// Add appends an entry's keys. Entries come in version order.
func (p *Page) Add(e *event.Entry) {
	if p.At.IsZero() {
		p.From, p.At = e.RecordedAt, e.RecordedAt
	}
	p.Gap, p.At = max(p.Gap, e.RecordedAt.Sub(p.At)), e.RecordedAt
	if room := len(p.Keys) + len(e.Commands)*pageKeyBytes; room > cap(p.Keys) {
		p.Keys = append(make([]byte, 0, max(4*pageKeyBytes, room+room/5)), p.Keys...)
	}
	for _, c := range e.Commands {
		if c.Key == "" {
			continue
		}
		h := hashKey(c.Key)
		p.Keys = append(p.Keys, h[:]...)
		p.Keys = binary.BigEndian.AppendUint32(p.Keys, uint32(c.First-p.Number*PageSpan)) //nolint:gosec // an entry is under 10,000 versions long
	}
}
