package keyindex

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

const (
	// firstRead and maxRead are how many pages or filters are read at once: at first, and then.
	firstRead = 4
	maxRead   = 64
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
	// Filters takes the filters that are missing to MakeFilters. One that it has no room for is
	// asked for again after the next load.
	Filters chan Wanted
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

// SaveAll stores the pages of an account's keys that are complete. A page that cannot be stored now
// is stored later, or by the process that loads the account next: pages only save reading.
func (s Store) SaveAll(ctx context.Context, a event.Account, x *Index) {
	for {
		p, ok := x.Complete()
		if !ok || s.Save(ctx, a, p) != nil {
			return
		}
		s.Saved(a, x)
	}
}

// Saved notes that the page which x.Complete returned is stored. After the last page of a filter it
// asks for the filter.
func (s Store) Saved(a event.Account, x *Index) {
	if filter, last := x.saved(); last {
		s.want(Wanted{a, filter})
	}
}

// Load returns the keys of an account whose last entry has that version and time, back to 24 hours
// ago at least: those of the open page from its entries, those before it from the stored pages and
// filters.
func (s Store) Load(ctx context.Context, a event.Account, version int64, at time.Time) (Index, error) {
	if version == 0 {
		return Index{}, nil
	}
	open, err := s.Make(ctx, a, version/PageSpan, version)
	if err != nil {
		return Index{}, err
	}
	b := backward{store: s, account: a, clock: s.Now(), last: at, next: at, gap: open.Gap}
	if !open.From.IsZero() {
		b.next = open.From
	}
	if err := b.read(ctx, open.Number); err != nil {
		return Index{}, err
	}
	return newIndex(b.parts, open, b.since, b.missing), nil
}

// Find does what x.Find does, and reads the pages of the filters that may have the key.
func (s Store) Find(ctx context.Context, a event.Account, x *Index, key string) (version int64, used bool, err error) {
	version, found := x.Find(key)
	for found == Unread {
		unread := x.unread(key)
		pages, _, err := s.pagesOf(ctx, a, unread.filter.Number)
		if err != nil {
			return 0, false, err
		}
		x.read(unread, pages)
		version, found = x.Find(key)
	}
	return version, found == Used, nil
}

// pagesOf returns the pages that a filter covers, the oldest first, and whether all are stored:
// those that are not are made of their entries.
func (s Store) pagesOf(ctx context.Context, a event.Account, filter int64) (pages []Page, all bool, err error) {
	first := filter * FilterPages
	stored := s.reader(a, PageKey(a, first), PageKey(a, first+FilterPages-1), FilterPages)
	pages, all = make([]Page, FilterPages), true
	for i := int64(FilterPages - 1); i >= 0; i-- {
		p, found, err := s.page(ctx, stored, first+i)
		if err != nil {
			return nil, false, err
		}
		pages[i] = p
		all = all && (found || p.At.IsZero()) // no entry begins in the range of an empty page
	}
	return pages, all, nil
}

// page returns page i, from the reader if it is stored, or else made of its entries.
func (s Store) page(ctx context.Context, stored *reader, i int64) (p Page, found bool, err error) {
	row, found, err := stored.row(ctx, PageKey(stored.account, i))
	if err != nil {
		return p, false, err
	}
	if found {
		p, err = ParsePage(row, i)
		return p, true, err
	}
	p, err = s.Make(ctx, stored.account, i, (i+1)*PageSpan)
	return p, false, err
}

// reader returns a reader of the account's rows from oldest to newest, which reads so many at
// first.
func (s Store) reader(a event.Account, oldest, newest table.Key, first int) *reader {
	return &reader{table: s.Table, account: a, more: true, query: table.Query{
		Table: s.Name, PK: a.String(), Desc: true, Limit: first, Consistent: true, From: table.S(oldest.SK), To: table.S(newest.SK),
	}}
}

// reader reads an account's stored pages or filters, newest first. It is for one goroutine.
type reader struct {
	table   table.Table
	account event.Account
	query   table.Query
	rows    []table.Row
	more    bool // rows come after these
}

// row returns the row of a key, and whether it is stored. It is called with falling keys.
func (r *reader) row(ctx context.Context, key table.Key) (row table.Row, found bool, err error) {
	for {
		for len(r.rows) > 0 && r.rows[0].SK > key.SK {
			r.rows = r.rows[1:]
		}
		if len(r.rows) > 0 || !r.more {
			break
		}
		answer, err := r.table.Query(ctx, r.query)
		if err != nil {
			return row, false, fmt.Errorf("read keys of %s: %w", r.account, err)
		}
		r.rows, r.query.After, r.query.Limit = answer.Rows, answer.After, maxRead
		r.more = r.query.After != ""
	}
	if len(r.rows) == 0 || r.rows[0].Key != key {
		return row, false, nil
	}
	return r.rows[0], true, nil
}

// ParsePage returns page i from its row.
func ParsePage(row table.Row, i int64) (Page, error) {
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
