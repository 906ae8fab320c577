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

// span is the keys of about spanTime, or those of a filter.
type span struct {
	from, last time.Time // recorded_at of the first and of the last entry
	seen       time.Time // when this process learned of the last, by a clock that nobody sets
	keys       keySet
	filter     *Filter // whose pages were not read: keys is empty
}

// covers reports whether a page's keys belong in the span. A set has versions below 2^32 above its
// base, and an entry less than 10,000 versions.
func (s *span) covers(p Page) bool {
	return s.filter == nil && p.At.Sub(s.from) <= spanTime && p.Number*PageSpan-s.keys.base < 1<<32-1<<20
}

// size returns how many keys take as much memory as the span.
func (s *span) size() int {
	if s.filter != nil {
		return (len(s.filter.Bits) + len(s.filter.Times)) / KeyBytes
	}
	return s.keys.count
}

// part is some of an account's keys as they are stored: a page, or a filter.
type part struct {
	page   Page
	filter *Filter
}

// newIndex returns the index of an account from what is stored of it, the newest first, and its
// open page. since is the time back to which that reaches, zero when it is all that there is. The
// pages that are not stored yet are unsaved, the oldest first.
func newIndex(parts []part, open Page, since time.Time, unsaved []Page) Index {
	x := Index{open: open, seen: time.Now(), since: since, complete: unsaved}
	parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.filter == nil && p.page.count() == 0 })
	slices.Reverse(parts)
	for len(parts) > 0 {
		if parts[0].filter != nil {
			x.filter(parts[0].filter)
			parts = parts[1:]
			continue
		}
		s := x.spanOf(parts[0].page)
		n, keys := 0, 0
		for n < len(parts) && parts[n].filter == nil && s.covers(parts[n].page) {
			keys += parts[n].page.count()
			n++
		}
		s.keys.reserve(keys)
		for _, p := range parts[:n] {
			x.remember(p.page, x.seen)
		}
		parts = parts[n:]
	}
	return x
}

// filter adds a filter as the newest span.
func (x *Index) filter(f *Filter) {
	s := span{seen: x.seen, filter: f}
	for i := range FilterPages {
		if at := f.at(i); !at.IsZero() && s.from.IsZero() {
			s.from, s.last = at, at
		} else if !at.IsZero() {
			s.last = at
		}
	}
	x.spans = append(x.spans, s)
	x.count += s.size()
}

// KeyBytes is about the most memory of a remembered key: those of the open page take 16 to 20
// bytes, those of a span 20 to 26, and in a filter 2.
const KeyBytes = 24

// Count returns how many keys of KeyBytes each take as much memory as the index.
func (x *Index) Count() int { return x.count + x.open.count() }

// Found is what an Index knows of a key.
type Found int

// What is known of a key: that no command within the window had it, that one had it, or that one of
// those whose pages were not read may have had it, so that Store.Find has to be asked.
const (
	Unused Found = iota
	Used
	Unread
)

// Find returns the version that the events of the key's first command begin at, if it is Used.
// Another key may have the same hash: the caller confirms a hit by the entry.
func (x *Index) Find(key string) (version int64, found Found) {
	if x.Count() == 0 {
		return 0, Unused
	}
	h := hashKey(key)
	if version, ok := x.open.find(h); ok {
		return version, Used
	}
	for i := len(x.spans) - 1; i >= 0; i-- {
		s := &x.spans[i]
		if s.filter != nil && s.filter.has(h) {
			return 0, Unread
		}
		if version, ok := s.keys.get(h); ok {
			return version, Used
		}
	}
	return 0, Unused
}

// unread returns the span of the newest filter that may have a key, nil for none.
func (x *Index) unread(key string) *span {
	h := hashKey(key)
	for i := len(x.spans) - 1; i >= 0; i-- {
		if s := &x.spans[i]; s.filter != nil && s.filter.has(h) {
			return s
		}
	}
	return nil
}

// read puts the keys of a filter's pages, the oldest first, in the place of the filter.
func (x *Index) read(s *span, pages []Page) {
	x.count -= s.size()
	keys := 0
	for _, p := range pages {
		keys += p.count()
	}
	s.keys, s.filter = keySet{base: s.filter.Number * FilterPages * PageSpan}, nil
	s.keys.reserve(keys)
	for _, p := range pages {
		s.add(p)
	}
	x.count += s.size()
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
	s.add(p)
	x.count += s.keys.count - before
}

// add adds the keys of a page.
func (s *span) add(p Page) {
	for keys := p.Keys; len(keys) > 0; keys = keys[pageKeyBytes:] {
		offset := binary.BigEndian.Uint32(keys[keyHashBytes:pageKeyBytes])
		s.keys.set(keyHash(keys), p.Number*PageSpan+int64(offset))
	}
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
		x.count -= x.spans[0].size()
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

// saved notes that the page which Complete returned is stored. The index no longer refers to it, as
// its keys are in a span. It returns the filter that the page was the last for, if it was.
func (x *Index) saved() (filter int64, last bool) {
	filter = x.complete[0].Number / FilterPages
	x.complete[0] = Page{}
	x.complete = x.complete[1:]
	next := x.open.Number
	if len(x.complete) > 0 {
		next = x.complete[0].Number
	}
	return filter, next/FilterPages > filter
}

// TooShort reports whether the keys do not reach back for a window from now, as they were loaded
// under a clock that was ahead. Keys that were dropped later had been remembered for a window.
func (x *Index) TooShort(now time.Time) bool { return x.since.After(now.Add(-Window)) }
