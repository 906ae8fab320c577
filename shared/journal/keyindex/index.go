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
	count int // of keys in all spans
	// since is the time back to which the account's keys were loaded, zero when all were.
	since time.Time
	// open is the page that more entries may be added to; complete ones wait to be saved.
	open     Page
	complete []Page
}

// span is the keys of about spanTime.
type span struct {
	from, last time.Time // recorded_at of the first and of the last entry
	seen       time.Time // when this process learned of the last, by a clock that nobody sets
	keys       map[keyHash]int64
}

// Load returns the index of an account from its pages, newest first, and its open page. since is
// the time back to which they reach, zero when the pages are all that there are. Those that are not
// stored yet are unsaved, the oldest first.
func Load(pages []Page, open Page, since time.Time, unsaved []Page) Index {
	x := Index{open: open, since: since, complete: unsaved}
	for _, p := range slices.Backward(pages) {
		x.remember(p)
	}
	x.remember(open)
	return x
}

// Count returns how many keys the index remembers, at about 60 bytes each.
func (x *Index) Count() int { return x.count }

// Find returns the version that the events of the key's first command begin at. Another key may
// have the same hash: the caller confirms a hit by the entry.
func (x *Index) Find(key string) (int64, bool) {
	if x.count == 0 {
		return 0, false
	}
	h := hashKey(key)
	for i := len(x.spans) - 1; i >= 0; i-- {
		if version, ok := x.spans[i].keys[h]; ok {
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
	from := len(x.open.Keys)
	x.open.Add(e)
	x.remember(Page{Number: x.open.Number, Keys: x.open.Keys[from:], At: e.RecordedAt})
	x.forget(e.RecordedAt)
	if e.Last >= (x.open.Number+1)*PageSpan {
		x.begin(e.Last / PageSpan)
	}
}

// remember adds a page's keys to the spans. Pages come in the order of time.
func (x *Index) remember(p Page) {
	if len(p.Keys) == 0 {
		return
	}
	if n := len(x.spans); n == 0 || p.At.Sub(x.spans[n-1].from) > spanTime {
		x.spans = append(x.spans, span{from: p.At, keys: make(map[keyHash]int64)})
	}
	s := &x.spans[len(x.spans)-1]
	s.last, s.seen = p.At, time.Now()
	before := len(s.keys)
	for keys := p.Keys; len(keys) > 0; keys = keys[pageKeyBytes:] {
		offset := binary.BigEndian.Uint32(keys[keyHashBytes:pageKeyBytes])
		s.keys[keyHash(keys[:keyHashBytes])] = p.Number*PageSpan + int64(offset)
	}
	x.count += len(s.keys) - before
}

// begin completes the open page and begins page i.
func (x *Index) begin(i int64) {
	if !x.open.At.IsZero() {
		x.complete = append(x.complete, x.open)
	}
	x.open = Page{Number: i}
}

// forget drops the spans that are past the window, both by the journal's time and by that of this
// process: a clock that jumps ahead must not make a repeated command a new one.
func (x *Index) forget(now time.Time) {
	for len(x.spans) > 0 && now.Sub(x.spans[0].last) > Window && time.Since(x.spans[0].seen) > Window {
		x.count -= len(x.spans[0].keys)
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

// Saved notes that the page which Complete returned is stored.
func (x *Index) Saved() { x.complete = x.complete[1:] }

// TooShort reports whether the keys do not reach back for a window from now, as they were loaded
// under a clock that was ahead. Keys that were dropped later had been remembered for a window.
func (x *Index) TooShort(now time.Time) bool { return x.since.After(now.Add(-Window)) }
