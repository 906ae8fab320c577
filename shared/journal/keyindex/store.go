package keyindex

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

const (
	// firstRead and maxRead are how many pages are read at once: at first, and then.
	firstRead = 4
	maxRead   = 1024
	// saveDeadline bounds the put of a page.
	saveDeadline = 2 * time.Second
)

// Store reads and writes the key pages of a journal's accounts. All fields are required. It is safe
// for concurrent use.
type Store struct {
	Table table.Table
	// Name is that of the journal's table.
	Name string
	Now  func() time.Time
	// Slack is how much further back than the window keys are loaded, so that they need not be read
	// again after the clock was set back a little.
	Slack time.Duration
	// Entries yields, in version order, the account's entries whose first version is in from..to.
	Entries func(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error]
}

// PageKey returns the table's key of an account's page: it shares the partition of the account's
// entries.
func PageKey(a event.Account, page int64) table.Key {
	return table.Key{PK: a.String(), SK: fmt.Sprintf("K#%012d", page*PageSpan+1)}
}

// Save stores a page. A page that is there already is the same, as its bytes are a function of its
// entries.
func (s Store) Save(ctx context.Context, a event.Account, p Page) error {
	ctx, cancel := context.WithTimeout(ctx, saveDeadline)
	defer cancel()
	err := s.Table.Put(ctx, s.Put(a, p))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("put key page %d of %s: %w", p.Number, a, err)
	}
	return nil
}

// Put returns the put of a page, for callers that make it themselves. A failed condition says that
// the page is there.
func (s Store) Put(a event.Account, p Page) table.Put {
	keys := p.Keys
	if keys == nil {
		keys = []byte{}
	}
	return table.Put{Table: s.Name, If: table.Absent(), Row: table.Row{Key: PageKey(a, p.Number), Attrs: table.Map{
		"keys": table.B(keys), "at": table.Time(p.At),
	}}}
}

// Load returns the keys of an account whose last entry has that version and time, back to 24 hours
// ago at least: those of the open page from its entries, those before it from the stored pages.
func (s Store) Load(ctx context.Context, a event.Account, version int64, at time.Time) (Index, error) {
	if version == 0 {
		return Index{}, nil
	}
	open, err := s.Make(ctx, a, version/PageSpan, version)
	if err != nil {
		return Index{}, err
	}
	back, err := s.readBack(ctx, a, open, at)
	if err != nil {
		return Index{}, err
	}
	return Load(back.pages, open, back.since, back.missing), nil
}

// earlierPages are the pages before the open one.
type earlierPages struct {
	pages []Page // newest first
	// since is the time back to which they reach, zero when there is no page before them.
	since time.Time
	// missing are those that are not stored, the oldest first.
	missing []Page
}

// readBack reads the pages before the open one down to the first that ended before the window. A
// clock that is ahead must not shorten the window: the window ends at the clock, or at the
// account's last entry without the longest gap before it where that is earlier, because only a gap
// shows a clock that jumped.
func (s Store) readBack(ctx context.Context, a event.Account, open Page, last time.Time) (back earlierPages, err error) {
	i, clock, gap, next := open.Number-1, s.Now(), open.Gap, last
	if !open.From.IsZero() {
		next = open.From
	}
	stored := s.reader(a, i)
	for ; i >= 0; i-- {
		p, found, err := stored.page(ctx, i)
		if err == nil && !found {
			p, err = s.Make(ctx, a, i, (i+1)*PageSpan)
		}
		if err != nil {
			return back, err
		}
		if p.At.IsZero() {
			continue // no entry begins in the range
		}
		if !found {
			back.missing = slices.Insert(back.missing, 0, p)
		}
		gap, next = max(gap, next.Sub(p.At)), p.At
		if since := earlier(clock, last.Add(-gap)).Add(-Window - s.Slack); p.At.Before(since) {
			back.since = since
			return back, nil
		}
		back.pages = append(back.pages, p)
	}
	return back, nil
}

// reader returns a reader of the account's stored pages up to page newest.
func (s Store) reader(a event.Account, newest int64) *pageReader {
	return &pageReader{table: s.Table, account: a, more: true, query: table.Query{
		Table: s.Name, PK: a.String(), Desc: true, Limit: firstRead, Consistent: true,
		From: table.S(PageKey(a, 0).SK), To: table.S(PageKey(a, max(newest, 0)).SK),
	}}
}

// pageReader reads an account's stored pages, newest first. It is for one goroutine.
type pageReader struct {
	table   table.Table
	account event.Account
	query   table.Query
	rows    []table.Row
	more    bool // rows come after these
}

// page returns page i, and whether it is stored. It is called with falling i.
func (r *pageReader) page(ctx context.Context, i int64) (p Page, found bool, err error) {
	for len(r.rows) == 0 && r.more {
		answer, err := r.table.Query(ctx, r.query)
		if err != nil {
			return p, false, fmt.Errorf("read key pages of %s: %w", r.account, err)
		}
		r.rows, r.query.After, r.query.Limit = answer.Rows, answer.After, maxRead
		r.more = r.query.After != ""
	}
	if len(r.rows) == 0 || r.rows[0].Key != PageKey(r.account, i) {
		return p, false, nil
	}
	p, err = parsePage(r.rows[0], i)
	r.rows = r.rows[1:]
	return p, true, err
}

func parsePage(row table.Row, i int64) (Page, error) {
	r := table.NewReader(row.Attrs)
	p, err := Stored(i, r.Bytes("keys"), r.Time("at"))
	if r.Bad() != "" || err != nil {
		return Page{}, fmt.Errorf("key page %s %s: %w", row.PK, row.SK, event.ErrDamaged)
	}
	return p, nil
}

// Make makes page i of the entries that begin in its range, up to version upTo: the loaded state
// does not have the later ones.
func (s Store) Make(ctx context.Context, a event.Account, i, upTo int64) (Page, error) {
	p := Page{Number: i}
	for e, err := range s.Entries(ctx, a, i*PageSpan+1, min(upTo, (i+1)*PageSpan)) {
		if err != nil {
			return p, err
		}
		p.Add(e)
	}
	return p, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
