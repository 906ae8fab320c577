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
	// pageSpan is how many versions a key page covers: page i holds the keys of the entries whose first version is in
	// 1000·i+1 … 1000·(i+1).
	pageSpan = 1000
	// pageKeyBytes is one key in a page: 12 bytes of its SHA-256 and 4 bytes of version, big-endian, less 1000·i.
	pageKeyBytes = keyHashBytes + 4
	keyHashBytes = 12
)

type keyHash [keyHashBytes]byte

func hashKey(key string) keyHash {
	sum := sha256.Sum256([]byte(key))
	return keyHash(sum[:keyHashBytes])
}

// keyIndex is what a writer knows of an account's command keys: those of the last 24 hours at least, by the version that each
// command's events begin at. It knows them all, because the version check of every put proves that no entry was missed.
type keyIndex struct {
	seen map[keyHash]int64
	// open is the page that is not yet complete.
	open page
	// complete pages wait to be saved; saved ones are remembered by their time, the oldest first.
	complete []page
	saved    []pageTime
}

// page is the keys of a range of versions, in the order of the entries.
type page struct {
	index int64
	keys  []byte
	at    time.Time // recorded_at of the last entry
}

type pageTime struct {
	index int64
	at    time.Time
}

// find is the version that the key's first command begins at.
func (k *keyIndex) find(key string) (int64, bool) {
	if len(k.seen) == 0 {
		return 0, false
	}
	version, ok := k.seen[hashKey(key)]
	return version, ok
}

// add takes a committed entry's keys in. Entries come in version order.
func (k *keyIndex) add(e *event.Entry) {
	if i := (e.First - 1) / pageSpan; i != k.open.index {
		k.turn(i)
	}
	from := len(k.open.keys)
	k.open.add(e)
	k.remember(page{index: k.open.index, keys: k.open.keys[from:]})
	if e.Last >= (k.open.index+1)*pageSpan {
		k.turn(e.Last / pageSpan)
	}
}

// remember makes a page's keys findable.
func (k *keyIndex) remember(p page) {
	if k.seen == nil && len(p.keys) > 0 {
		k.seen = make(map[keyHash]int64)
	}
	for keys := p.keys; len(keys) > 0; keys = keys[pageKeyBytes:] {
		offset := binary.BigEndian.Uint32(keys[keyHashBytes:pageKeyBytes])
		k.seen[keyHash(keys[:keyHashBytes])] = p.index*pageSpan + int64(offset)
	}
}

// turn completes the open page and begins page i.
func (k *keyIndex) turn(i int64) {
	if !k.open.at.IsZero() {
		k.complete = append(k.complete, k.open)
	}
	k.open = page{index: i}
}

// forget drops the keys of saved pages that are older than the window.
func (k *keyIndex) forget(now time.Time) {
	var upTo int64
	for len(k.saved) > 0 && now.Sub(k.saved[0].at) > KeyWindow {
		upTo = (k.saved[0].index + 1) * pageSpan
		k.saved = k.saved[1:]
	}
	if upTo == 0 {
		return
	}
	for h, version := range k.seen {
		if version <= upTo {
			delete(k.seen, h)
		}
	}
}

// savePages puts the pages that are complete. One that cannot be put now is put by whoever loads the account next: pages only
// save reading.
func (k *keyIndex) savePages(l *lane) {
	for len(k.complete) > 0 {
		p := k.complete[0]
		if err := l.journal.putPage(l.journal.ctx, l.account, p); err != nil {
			return
		}
		k.complete = k.complete[1:]
		k.saved = append(k.saved, pageTime{p.index, p.at})
		k.forget(l.state.RecordedAt)
	}
}

// add takes an entry's keys into the page.
func (p *page) add(e *event.Entry) {
	p.at = e.RecordedAt
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
func (j *Journal) putPage(ctx context.Context, a Account, p page) error {
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	keys := p.keys
	if keys == nil {
		keys = []byte{}
	}
	err := j.table.Put(ctx, table.Put{Table: Table, If: table.Absent(), Row: table.Row{Key: pageKey(a, p.index), Attrs: table.Map{
		"keys": table.B(keys), "at": table.S(p.at.Format(timeLayout)),
	}}})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("put key page %d of %s: %w", p.index, a.ID, err)
	}
	return nil
}

// loadKeys reads the account's keys back to 24 hours ago: the open page from its entries, those before it page by page. A page
// that is missing is read from its entries, and put.
func (l *lane) loadKeys(ctx context.Context, s account.State) (keyIndex, error) {
	k := keyIndex{open: page{index: s.Version / pageSpan}}
	if s.Version == 0 {
		return k, nil
	}
	open, err := l.readPageEntries(ctx, k.open.index)
	if err != nil {
		return k, err
	}
	k.open = open
	cutoff := l.journal.now().Add(-KeyWindow)
	pages := []page{open}
	for i := open.index - 1; i >= 0; i-- {
		p, err := l.readPage(ctx, i)
		if err != nil {
			return k, err
		}
		if !p.at.IsZero() {
			if p.at.Before(cutoff) {
				break
			}
			pages = append(pages, p)
			k.saved = append(k.saved, pageTime{p.index, p.at})
		}
	}
	slices.Reverse(k.saved)
	for i := len(pages) - 1; i >= 0; i-- { // oldest first, so that the newest of equal keys stays
		k.remember(pages[i])
	}
	return k, nil
}

// readPage is page i as saved, or as its entries say; then it is saved. A range in which no entry begins has a zero page.
func (l *lane) readPage(ctx context.Context, i int64) (page, error) {
	row, err := l.journal.table.Get(ctx, Table, pageKey(l.account, i), true)
	if err == nil {
		keys, _ := row.Attrs["keys"].(table.B)
		text, _ := row.Attrs["at"].(table.S)
		at, err := time.Parse(timeLayout, string(text))
		if err != nil || len(keys)%pageKeyBytes != 0 {
			return page{}, fmt.Errorf("key page %d of %s is damaged", i, l.account.ID)
		}
		return page{index: i, keys: keys, at: at}, nil
	}
	if !errors.Is(err, table.ErrNotFound) {
		return page{}, fmt.Errorf("read key page %d of %s: %w", i, l.account.ID, err)
	}
	p, err := l.readPageEntries(ctx, i)
	if err != nil || p.at.IsZero() {
		return p, err
	}
	return p, l.journal.putPage(ctx, l.account, p)
}

// readPageEntries makes page i from the entries that begin in its range.
func (l *lane) readPageEntries(ctx context.Context, i int64) (page, error) {
	p := page{index: i}
	q := table.Query{
		Table: Table, PK: l.account.String(), Limit: maxPage, Consistent: true,
		From: table.S(entrySK(i*pageSpan + 1)), To: table.S(entrySK((i + 1) * pageSpan)),
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
