package keyindex

import (
	"context"
	"slices"
	"time"

	"passbook/shared/event"
)

// backward reads what is stored of an account's keys before its open page, back to the first page
// that ended before the window. A clock that is ahead must not shorten the window: the window ends
// at the clock, or at the account's last entry without the longest gap before it where that is
// earlier, because only a gap shows a clock that jumped.
type backward struct {
	store   Store
	account event.Account
	clock   time.Time
	// last is the time of the account's last entry, next that of the oldest entry or page so far,
	// and gap the longest time between two.
	last, next time.Time
	gap        time.Duration

	parts []part // newest first
	// since is the time back to which they reach, zero when there is nothing before them.
	since time.Time
	// missing are the pages that are not stored, the oldest first.
	missing []Page
}

// read reads the pages before page open: a filter in the place of its pages where it is stored. It
// asks for those filters that are not.
func (b *backward) read(ctx context.Context, open int64) error {
	newest := (open - 1) / FilterPages
	filters := b.store.reader(b.account, FilterKey(b.account, 0), FilterKey(b.account, max(newest, 0)), firstRead)
	for g := newest; g >= 0 && open > 0; g-- {
		end := min(open, (g+1)*FilterPages)
		if end < (g+1)*FilterPages {
			if done, err := b.pages(ctx, g*FilterPages, end-1); done || err != nil {
				return err
			}
			continue
		}
		f, found, err := b.store.filter(ctx, filters, g)
		if err != nil {
			return err
		}
		if found {
			if b.filter(f) {
				return nil
			}
			continue
		}
		if done, err := b.pages(ctx, g*FilterPages, end-1); done || err != nil {
			return err
		}
		b.store.want(Wanted{b.account, g})
	}
	return nil
}

// pages reads the pages from newest to oldest, and reports whether the window begins after one.
func (b *backward) pages(ctx context.Context, oldest, newest int64) (done bool, err error) {
	stored := b.store.reader(b.account, PageKey(b.account, oldest), PageKey(b.account, newest), firstRead)
	for i := newest; i >= oldest; i-- {
		p, found, err := b.store.page(ctx, stored, i)
		if err != nil {
			return false, err
		}
		if p.At.IsZero() {
			continue // no entry begins in the range
		}
		if !found {
			b.missing = slices.Insert(b.missing, 0, p)
		}
		if b.before(p.At) {
			return true, nil
		}
		b.parts = append(b.parts, part{page: p})
	}
	return false, nil
}

// filter takes a filter, and reports whether the window begins after one of its pages.
func (b *backward) filter(f Filter) (done bool) {
	for i := FilterPages - 1; i >= 0; i-- {
		at := f.at(i)
		if at.IsZero() {
			continue
		}
		if b.before(at) {
			return true
		}
		if len(b.parts) == 0 || b.parts[len(b.parts)-1].filter == nil || b.parts[len(b.parts)-1].filter.Number != f.Number {
			b.parts = append(b.parts, part{filter: &f})
		}
	}
	return false
}

// before reports whether a page that ended at that time did so before the window. Pages come newest
// first.
func (b *backward) before(at time.Time) bool {
	b.gap, b.next = max(b.gap, b.next.Sub(at)), at
	since := b.last.Add(-b.gap)
	if b.clock.Before(since) {
		since = b.clock
	}
	if since = since.Add(-Window - b.store.Slack); at.Before(since) {
		b.since = since
		return true
	}
	return false
}
