package journal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/table"
)

const (
	// pageSpan is how many versions a key page covers: page i holds the keys of the entries whose
	// first version is in 1000·i+1 … 1000·(i+1).
	pageSpan = 1000
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

// keyIndex is what a writer knows of an account's command keys: those of the last 24 hours at
// least, by the version that each command's events begin at. It knows them all, because the version
// check of every put proves that no entry was missed.
type keyIndex struct {
	// spans hold the keys by time, the oldest first, so that what is past the window goes at one
	// stroke.
	spans []keySpan
	count int // of keys in all spans
	// since is the time back to which the account's keys were loaded, zero when all were.
	since time.Time
	// open is the page that is not yet complete; complete ones wait to be saved.
	open     page
	complete []page
}

// keySpan is the keys of at most spanTime and whatever else their last entry brought.
type keySpan struct {
	from, last time.Time // recorded_at of the first and of the last entry
	seen       time.Time // when this process came to know the last, by a clock that nobody sets
	keys       map[keyHash]int64
}

// spanTime is how much of the window a span covers: more spans would make looking up slower, fewer
// would keep more than needed.
const spanTime = time.Hour

// page is the keys of a range of versions, in the order of the entries.
type page struct {
	index int64
	keys  []byte
	at    time.Time // recorded_at of the last entry
	// from is that of the first entry, and gap the longest between two; only pages made of entries
	// have them.
	from time.Time
	gap  time.Duration
}

// find is the version that the key's first command begins at.
func (k *keyIndex) find(key string) (int64, bool) {
	if k.count == 0 {
		return 0, false
	}
	h := hashKey(key)
	for i := len(k.spans) - 1; i >= 0; i-- {
		if version, ok := k.spans[i].keys[h]; ok {
			return version, true
		}
	}
	return 0, false
}

// add takes a committed entry's keys in. Entries come in version order.
func (k *keyIndex) add(e *event.Entry) {
	if i := (e.First - 1) / pageSpan; i != k.open.index {
		k.turn(i)
	}
	from := len(k.open.keys)
	k.open.add(e)
	k.remember(page{index: k.open.index, keys: k.open.keys[from:], at: e.RecordedAt})
	k.forget(e.RecordedAt)
	if e.Last >= (k.open.index+1)*pageSpan {
		k.turn(e.Last / pageSpan)
	}
}

// remember makes a page's keys findable. Pages come in the order of time.
func (k *keyIndex) remember(p page) {
	if len(p.keys) == 0 {
		return
	}
	if n := len(k.spans); n == 0 || p.at.Sub(k.spans[n-1].from) > spanTime {
		k.spans = append(k.spans, keySpan{from: p.at, keys: make(map[keyHash]int64)})
	}
	span := &k.spans[len(k.spans)-1]
	span.last, span.seen = p.at, time.Now()
	before := len(span.keys)
	for keys := p.keys; len(keys) > 0; keys = keys[pageKeyBytes:] {
		offset := binary.BigEndian.Uint32(keys[keyHashBytes:pageKeyBytes])
		span.keys[keyHash(keys[:keyHashBytes])] = p.index*pageSpan + int64(offset)
	}
	k.count += len(span.keys) - before
}

// turn completes the open page and begins page i.
func (k *keyIndex) turn(i int64) {
	if !k.open.at.IsZero() {
		k.complete = append(k.complete, k.open)
	}
	k.open = page{index: i}
}

// forget drops the spans that are past the window, by the journal's time and by that of this
// process: a clock that jumps ahead must not make a command that is repeated a new one.
func (k *keyIndex) forget(now time.Time) {
	for len(k.spans) > 0 && now.Sub(k.spans[0].last) > KeyWindow && time.Since(k.spans[0].seen) > KeyWindow {
		k.count -= len(k.spans[0].keys)
		k.spans = slices.Delete(k.spans, 0, 1)
	}
}

// savePages puts the pages that are complete. One that cannot be put now is put by whoever loads
// the account next: pages only save reading.
func (k *keyIndex) savePages(l *lane) {
	for len(k.complete) > 0 {
		p := k.complete[0]
		if err := l.journal.putPage(l.journal.ctx, l.account, p); err != nil {
			return
		}
		k.complete = k.complete[1:]
	}
}

// add takes an entry's keys into the page.
func (p *page) add(e *event.Entry) {
	if p.at.IsZero() {
		p.from, p.at = e.RecordedAt, e.RecordedAt
	}
	p.gap, p.at = max(p.gap, e.RecordedAt.Sub(p.at)), e.RecordedAt
	for _, c := range e.Commands {
		if c.Key == "" {
			continue
		}
		h := hashKey(c.Key)
		p.keys = append(p.keys, h[:]...)
		p.keys = binary.BigEndian.AppendUint32(p.keys, uint32(c.First-p.index*pageSpan)) //nolint:gosec // an entry is under 10,000 versions long
	}
}

// putPage saves a page. One in place is the same: its bytes are a function of its entries.
func (j *Journal) putPage(ctx context.Context, a event.Account, p page) error {
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	keys := p.keys
	if keys == nil {
		keys = []byte{}
	}
	err := j.table.Put(ctx, table.Put{Table: Table, If: table.Absent(), Row: table.Row{Key: pageKey(a, p.index), Attrs: table.Map{
		"keys": table.B(keys), "at": table.Time(p.at),
	}}})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("put key page %d of %s: %w", p.index, a.ID, err)
	}
	return nil
}

// loadKeys reads the account's keys back to 24 hours ago at least: the open page from its entries,
// those before it from the saved pages. A page that is missing is read from its entries, and saved.
func (l *lane) loadKeys(ctx context.Context, s account.State) (keyIndex, error) {
	k := keyIndex{open: page{index: s.Version / pageSpan}}
	if s.Version == 0 {
		return k, nil
	}
	open, err := l.readPageEntries(ctx, k.open.index, s.Version)
	if err != nil {
		return k, err
	}
	k.open = open
	pages, since, err := l.readPages(ctx, open, s.RecordedAt)
	if err != nil {
		return k, err
	}
	k.since = since
	for i := len(pages) - 1; i >= 0; i-- {
		k.remember(pages[i])
	}
	k.remember(open)
	return k, nil
}

// readPages reads the pages before the open one, newest first, down to the first that ended before
// since, which is zero when there is none. A clock that is ahead must not shorten the window: it
// ends at the clock, or at the account's last entry without the longest gap before it where that is
// earlier, because a gap is all that tells of a clock that jumped. MaxSkew more spares reading
// again after a small step back.
func (l *lane) readPages(ctx context.Context, open page, last time.Time) (pages []page, since time.Time, err error) {
	i, clock, gap, next := open.index-1, l.journal.now(), open.gap, last
	if !open.from.IsZero() {
		next = open.from
	}
	q := table.Query{
		Table: Table, PK: l.account.String(), Desc: true, Limit: 4, Consistent: true,
		From: table.S(pageKey(l.account, 0).SK), To: table.S(pageKey(l.account, max(i, 0)).SK),
	}
	var saved []table.Row
	for more := true; i >= 0; i-- {
		for len(saved) == 0 && more {
			answer, err := l.journal.table.Query(ctx, q)
			if err != nil {
				return nil, since, fmt.Errorf("read key pages of %s: %w", l.account.ID, err)
			}
			saved, q.After, q.Limit = answer.Rows, answer.After, maxPage
			more = q.After != ""
		}
		var p page
		if len(saved) > 0 && saved[0].Key == pageKey(l.account, i) {
			p, err = parsePage(saved[0], i)
			saved = saved[1:]
		} else {
			p, err = l.readMissing(ctx, i)
		}
		if err != nil {
			return nil, since, err
		}
		if p.at.IsZero() {
			continue // no entry begins in the range
		}
		gap, next = max(gap, next.Sub(p.at)), p.at
		if since = earlier(clock, last.Add(-gap)).Add(-KeyWindow - MaxSkew); p.at.Before(since) {
			return pages, since, nil
		}
		pages = append(pages, p)
	}
	return pages, time.Time{}, nil
}

func parsePage(row table.Row, i int64) (page, error) {
	r := table.NewReader(row.Attrs)
	keys, at := r.Bytes("keys"), r.Time("at")
	if r.Bad() != "" || len(keys)%pageKeyBytes != 0 {
		return page{}, fmt.Errorf("key page %s %s is damaged", row.PK, row.SK)
	}
	return page{index: i, keys: keys, at: at}, nil
}

// readMissing makes a page that was not saved, and saves it if it can.
func (l *lane) readMissing(ctx context.Context, i int64) (page, error) {
	p, err := l.readPageEntries(ctx, i, (i+1)*pageSpan)
	if err == nil && !p.at.IsZero() {
		_ = l.journal.putPage(ctx, l.account, p) // pages only save reading
	}
	return p, err
}

// readPageEntries makes page i from the entries that begin in its range, up to version upTo: what
// comes after the state that was loaded is not known yet.
func (l *lane) readPageEntries(ctx context.Context, i, upTo int64) (page, error) {
	p := page{index: i}
	q := table.Query{
		Table: Table, PK: l.account.String(), Limit: maxPage, Consistent: true,
		From: table.S(entrySK(i*pageSpan + 1)), To: table.S(entrySK(min(upTo, (i+1)*pageSpan))),
	}
	var failed error
	l.journal.walk(ctx, q, func(e *event.Entry, err error) bool {
		if failed = err; err == nil {
			p.add(e)
		}
		return err == nil
	})
	return p, failed
}

// short says that the keys were loaded under a clock that was ahead of now, and do not reach back
// for the window. What was forgotten later had been here for a window.
func (k *keyIndex) short(now time.Time) bool { return k.since.After(now.Add(-KeyWindow)) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
