package keyindex

import (
	"encoding/binary"
	"slices"
	"time"

	"passbook/shared/event"
)

// Window is how long a key is remembered at least, by the journal's time.
const Window = 24 * time.Hour

// spanTime is how much of the window a span covers: with more spans a key takes longer to find,
// with fewer more keys are remembered than needed.
const spanTime = time.Hour

// Index is what a writer remembers of an account's command keys. The zero Index is that of an
// account without entries. It is not safe for concurrent use.
type Index struct {
	// spans have the keys by time, the oldest first, so that keys past the window are dropped
	// together.
	spans []span
	count int // of the keys in all spans
	// since is the time back to which the account's keys were loaded, zero when all were.
	since time.Time
	// open is the page that more entries may be added to: most accounts have no other. Its keys are
	// in no span, and are not dropped before the page is complete. complete ones wait to be saved.
	open     Page
	seen     time.Time // when this process learned of the open page's last entry
	complete []Page
}

// span is the keys of about spanTime.
type span struct {
	from, last time.Time // recorded_at of the first and of the last entry
	seen       time.Time // when this process learned of the last, by a clock that nobody sets
	keys       keySet
}

// covers reports whether a page's keys belong in the span. A set has versions below 2^32 above its
// base, and an entry less than 10,000 versions.
func (s *span) covers(p Page) bool {
	return p.At.Sub(s.from) <= spanTime && p.Number*PageSpan-s.keys.base < 1<<32-1<<20
}

// Load returns the index of an account from its pages, newest first, and its open page. since is
// the time back to which they reach, zero when the pages are all that there are. Those that are not
// stored yet are unsaved, the oldest first.
func Load(pages []Page, open Page, since time.Time, unsaved []Page) Index {
	x := Index{open: open, seen: time.Now(), since: since, complete: unsaved}
	pages = slices.DeleteFunc(slices.Clone(pages), func(p Page) bool { return p.count() == 0 })
	slices.Reverse(pages)
	for len(pages) > 0 {
		s := x.spanOf(pages[0])
		n, keys := 0, 0
		for n < len(pages) && s.covers(pages[n]) {
			keys += pages[n].count()
			n++
		}
		s.keys.reserve(keys)
		for _, p := range pages[:n] {
			x.remember(p, x.seen)
		}
		pages = pages[n:]
	}
	return x
}

// KeyBytes is about the most memory of a remembered key: those of the open page take 16 to 20
// bytes, those of a span 20 to 26.
const KeyBytes = 24

// Count returns how many keys the index remembers, of KeyBytes each.
func (x *Index) Count() int { return x.count + x.open.count() }

// Find returns the version that the events of the key's first command begin at. Another key may
// have the same hash: the caller confirms a hit by the entry.
func (x *Index) Find(key string) (int64, bool) {
	if x.Count() == 0 {
		return 0, false
	}
	h := hashKey(key)
	if version, ok := x.open.find(h); ok {
		return version, true
	}
	for i := len(x.spans) - 1; i >= 0; i-- {
		if version, ok := x.spans[i].keys.get(h); ok {
			return version, true
		}
	}
	return 0, false
}

// Add remembers a committed entry's keys, and drops those that are past the window. Entries come in
// version order.
func (x *Index) Add(e *event.Entry) {
	if i := PageOf(e.First); i != x.open.Number {
		x.begin(i)
	}
	x.open.Add(e)
	x.seen = time.Now()
	x.forget(e.RecordedAt)
	if e.Last >= (x.open.Number+1)*PageSpan {
		x.begin(e.Last / PageSpan)
	}
}

// spanOf returns the newest span, for a page's keys. It begins one where that does not cover them.
func (x *Index) spanOf(p Page) *span {
	if n := len(x.spans); n == 0 || !x.spans[n-1].covers(p) {
		x.spans = append(x.spans, span{from: p.At, keys: keySet{base: p.Number * PageSpan}})
	}
	return &x.spans[len(x.spans)-1]
}

// remember adds the keys of a page, whose last entry was seen then, to the spans. Pages come in the
// order of time.
func (x *Index) remember(p Page, seen time.Time) {
	if len(p.Keys) == 0 {
		return
	}
	s := x.spanOf(p)
	s.last, s.seen = p.At, seen
	before := s.keys.count
	for keys := p.Keys; len(keys) > 0; keys = keys[pageKeyBytes:] {
		offset := binary.BigEndian.Uint32(keys[keyHashBytes:pageKeyBytes])
		s.keys.set(keyHash(keys), p.Number*PageSpan+int64(offset))
	}
	x.count += s.keys.count - before
}

// begin completes the open page and begins page i.
func (x *Index) begin(i int64) {
	if !x.open.At.IsZero() {
		x.remember(x.open, x.seen)
		x.complete = append(x.complete, x.open)
	}
	x.open = Page{Number: i}
}

// forget drops the spans that are past the window, both by the journal's time and by that of this
// process: a clock that jumps ahead must not make a repeated command a new one.
func (x *Index) forget(now time.Time) {
	for len(x.spans) > 0 && now.Sub(x.spans[0].last) > Window && time.Since(x.spans[0].seen) > Window {
		x.count -= x.spans[0].keys.count
		x.spans = slices.Delete(x.spans, 0, 1)
	}
}

// Complete returns the oldest complete page that was not saved yet.
func (x *Index) Complete() (Page, bool) {
	if len(x.complete) == 0 {
		return Page{}, false
	}
	return x.complete[0], true
}

// Saved notes that the page which Complete returned is stored. The index no longer refers to it, as
// its keys are in a span.
func (x *Index) Saved() {
	x.complete[0] = Page{}
	x.complete = x.complete[1:]
}

// TooShort reports whether the keys do not reach back for a window from now, as they were loaded
// under a clock that was ahead. Keys that were dropped later had been remembered for a window.
func (x *Index) TooShort(now time.Time) bool { return x.since.After(now.Add(-Window)) }
