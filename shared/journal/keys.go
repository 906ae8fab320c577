package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal/keyindex"
	"passbook/shared/table"
)

// savePages stores the pages of keys that are complete. A page that cannot be stored now is stored
// by the process that loads the account next: pages only save reading.
func (l *lane) savePages() {
	for {
		p, ok := l.keys.Complete()
		if !ok || l.journal.putPage(l.journal.ctx, l.account, p) != nil {
			return
		}
		l.keys.Saved()
	}
}

// putPage stores a page. A page that is there already is the same, as its bytes are a function of
// its entries.
func (j *Journal) putPage(ctx context.Context, a event.Account, p keyindex.Page) error {
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	keys := p.Keys
	if keys == nil {
		keys = []byte{}
	}
	err := j.config.Table.Put(ctx, table.Put{Table: Table, If: table.Absent(), Row: table.Row{Key: pageKey(a, p.Number), Attrs: table.Map{
		"keys": table.B(keys), "at": table.Time(p.At),
	}}})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("put key page %d of %s: %w", p.Number, a.ID, err)
	}
	return nil
}

// loadKeys reads the account's keys back to 24 hours ago at least: those of the open page from its
// entries, those before it from the stored pages. A missing page is read from its entries and
// stored.
func (l *lane) loadKeys(ctx context.Context, s account.State) (keyindex.Index, error) {
	if s.Version == 0 {
		return keyindex.Index{}, nil
	}
	open, err := l.readPageEntries(ctx, s.Version/keyindex.PageSpan, s.Version)
	if err != nil {
		return keyindex.Index{}, err
	}
	pages, since, err := l.readPages(ctx, open, s.RecordedAt)
	if err != nil {
		return keyindex.Index{}, err
	}
	return keyindex.Load(pages, open, since), nil
}

// readPages reads the pages before the open one, newest first, down to the first that ended before
// since. since is zero when there is none. A clock that is ahead must not shorten the window: the
// window ends at the clock, or at the account's last entry without the longest gap before it where
// that is earlier, because only a gap shows a clock that jumped. MaxSkew more avoids reading again
// after the clock was set back a little.
func (l *lane) readPages(ctx context.Context, open keyindex.Page, last time.Time) (pages []keyindex.Page, since time.Time, err error) {
	i, clock, gap, next := open.Number-1, l.journal.config.Now(), open.Gap, last
	if !open.From.IsZero() {
		next = open.From
	}
	q := table.Query{
		Table: Table, PK: l.account.String(), Desc: true, Limit: 4, Consistent: true,
		From: table.S(pageKey(l.account, 0).SK), To: table.S(pageKey(l.account, max(i, 0)).SK),
	}
	var saved []table.Row
	for more := true; i >= 0; i-- {
		for len(saved) == 0 && more {
			answer, err := l.journal.config.Table.Query(ctx, q)
			if err != nil {
				return nil, since, fmt.Errorf("read key pages of %s: %w", l.account.ID, err)
			}
			saved, q.After, q.Limit = answer.Rows, answer.After, maxPage
			more = q.After != ""
		}
		var p keyindex.Page
		if len(saved) > 0 && saved[0].Key == pageKey(l.account, i) {
			p, err = parsePage(saved[0], i)
			saved = saved[1:]
		} else {
			p, err = l.readMissing(ctx, i)
		}
		if err != nil {
			return nil, since, err
		}
		if p.At.IsZero() {
			continue // no entry begins in the range
		}
		gap, next = max(gap, next.Sub(p.At)), p.At
		if since = earlier(clock, last.Add(-gap)).Add(-KeyWindow - MaxSkew); p.At.Before(since) {
			return pages, since, nil
		}
		pages = append(pages, p)
	}
	return pages, time.Time{}, nil
}

func parsePage(row table.Row, i int64) (keyindex.Page, error) {
	r := table.NewReader(row.Attrs)
	p, err := keyindex.Stored(i, r.Bytes("keys"), r.Time("at"))
	if r.Bad() != "" || err != nil {
		return keyindex.Page{}, fmt.Errorf("key page %s %s: %w", row.PK, row.SK, ErrDamaged)
	}
	return p, nil
}

// readMissing makes a page that was not stored, and stores it if it can.
func (l *lane) readMissing(ctx context.Context, i int64) (keyindex.Page, error) {
	p, err := l.readPageEntries(ctx, i, (i+1)*keyindex.PageSpan)
	if err == nil && !p.At.IsZero() {
		_ = l.journal.putPage(ctx, l.account, p) // pages only save reading
	}
	return p, err
}

// readPageEntries makes page i of the entries that begin in its range, up to version upTo: the
// loaded state does not have the later ones.
func (l *lane) readPageEntries(ctx context.Context, i, upTo int64) (keyindex.Page, error) {
	p := keyindex.Page{Number: i}
	q := table.Query{
		Table: Table, PK: l.account.String(), Limit: maxPage, Consistent: true,
		From: table.S(entrySK(i*keyindex.PageSpan + 1)), To: table.S(entrySK(min(upTo, (i+1)*keyindex.PageSpan))),
	}
	var failed error
	l.journal.walk(ctx, q, func(e *event.Entry, err error) bool {
		if failed = err; err == nil {
			p.Add(e)
		}
		return err == nil
	})
	return p, failed
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
