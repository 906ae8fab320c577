package check

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/eventtable"
	"passbook/shared/origin"
	"passbook/shared/segment"
)

// row is a row of the table as it is kept.
type row struct {
	version int64
	entry   event.Hash
	sum     [16]byte
	// proven means that an entry of the bank in the archive has it.
	proven bool
}

// history is what the table has of an account, and what the archive has beyond.
type history struct {
	rows []row
	// next is the first version that the archive has behind the table's last, and read the segment
	// that has it, if the table has read that for good.
	next int64
	read string
	// unsigned are the entries that only a chain proves, signed those with a mac, of such accounts.
	unsigned, signed []origin.Link
}

// part is some of the accounts.
type part struct {
	*checker
	first bool
	keep  func(tenant, account string) bool

	mu       sync.Mutex
	accounts map[event.Account]*history
	findings []Finding
	behind   []Finding
	// wrong are rows that are not what their entries say, as they should be.
	wrong map[event.Account]map[int64]eventtable.Row
}

func (p *part) begin() {
	p.accounts, p.wrong = map[event.Account]*history{}, map[event.Account]map[int64]eventtable.Row{}
}

func (p *part) of(a event.Account) *history {
	h := p.accounts[a]
	if h == nil {
		h = &history{}
		p.accounts[a] = h
	}
	return h
}

func (p *part) find(a event.Account, version int64, what string) {
	p.findings = append(p.findings, Finding{Account: a.String(), Version: version, What: what})
}

// readTable reads the rows of the part's accounts. With the first part it checks the files.
func (p *part) readTable(ctx context.Context) error {
	for _, f := range p.files {
		at, told := place{Described: f, table: p.Table}, false
		err := p.readFile(ctx, f, func(r *eventtable.Row) {
			of := event.Account{Tenant: r.Tenant, ID: r.AccountID}
			if what := at.wrong(r); p.first && what != "" && !told {
				p.report.find(Finding{File: f.Key, Account: of.String(), Version: r.Version, What: what})
				told = true
			}
			if !p.keep(r.Tenant, r.AccountID) {
				return
			}
			kept := row{version: r.Version, sum: sumOf(r)}
			copy(kept.entry[:], r.EntryHash)
			h := p.of(of)
			h.rows = append(h.rows, kept)
		})
		switch {
		case errors.Is(err, errDamaged):
			if p.first {
				p.report.find(Finding{File: f.Key, What: err.Error()})
			}
		case err != nil:
			return err
		}
	}
	for a, h := range p.accounts {
		slices.SortStableFunc(h.rows, func(x, y row) int { return int(x.version - y.version) })
		p.unique(a, h)
	}
	return nil
}

// unique names the versions that are in the table more than once, and keeps one of each.
func (p *part) unique(a event.Account, h *history) {
	last := int64(0)
	for i := 1; i < len(h.rows); i++ {
		if v := h.rows[i].version; v == h.rows[i-1].version && v != last {
			p.find(a, v, "the table has it more than once")
			last = v
		}
	}
	h.rows = slices.CompactFunc(h.rows, func(x, y row) bool { return x.version == y.version })
}

// sumOf returns a hash of all columns of a row.
func sumOf(r *eventtable.Row) (s [16]byte) {
	text, _ := json.Marshal(r) // strings and numbers: it never fails
	sum := sha256.Sum256(text)
	copy(s[:], sum[:])
	return s
}

// readArchive compares the rows with the entries of the archive.
func (p *part) readArchive(ctx context.Context) error {
	take := func(in *archive.Planned, records []segment.Record) error {
		for _, rec := range records {
			err := p.entry(ctx, rec.Entry, in)
			if err != nil {
				return err
			}
		}
		return nil
	}
	damaged := func(in *archive.Planned, err error) error {
		var entry *segment.EntryError
		if !segment.Unusable(err) && !errors.As(err, &entry) {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if text := err.Error(); !slices.Contains(p.report.Gaps, text) {
			p.report.Gaps = append(p.report.Gaps, text)
		}
		return nil
	}
	return p.plan.Read(ctx, p.Archive, segment.Exact, p.keep, take, damaged, p.Progress.Add)
}

// entry compares an entry with the rows of its versions.
func (p *part) entry(ctx context.Context, e *event.Entry, in *archive.Planned) error {
	if !p.Origin.NeedsChain(e) {
		err := p.Origin.Verify(ctx, e)
		if errors.Is(err, event.ErrForeign) {
			return nil // a row of it is proven by nothing
		}
		if err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.of(e.Account())
	i, found := slices.BinarySearchFunc(h.rows, e.First, func(r row, v int64) int { return int(r.version - v) })
	if !found {
		p.beyond(h, e, in)
		return nil
	}
	rows := h.rows[i:min(i+len(e.Events), len(h.rows))]
	if len(rows) < len(e.Events) || slices.ContainsFunc(rows, func(r row) bool { return r.entry != e.Hash }) || rows[0].proven {
		return nil
	}
	if i > 0 && h.rows[i-1].version == e.First-1 && h.rows[i-1].entry != e.Prev || e.First == 1 && e.Prev != (event.Hash{}) {
		p.find(e.Account(), e.First, "its entry does not follow the one before")
	}
	for n, want := range eventtable.RowsOf(e) {
		rows[n].proven = true
		if rows[n].version != want.Version || rows[n].sum != sumOf(&want) {
			p.differs(e.Account(), want)
		}
	}
	if p.Origin.NeedsChain(e) {
		h.unsigned = append(h.unsigned, origin.LinkOf(e))
	} else if p.Origin.Complete() {
		h.signed = append(h.signed, origin.LinkOf(e))
	}
	return nil
}

// beyond notes an entry behind the last one that the table has.
func (p *part) beyond(h *history, e *event.Entry, in *archive.Planned) {
	if len(h.rows) > 0 && h.rows[len(h.rows)-1].version >= e.First || h.next > 0 && h.next <= e.First && h.read != "" {
		return
	}
	passed := eventtable.Passed(p.summary, *in)
	if h.next == 0 || e.First < h.next || passed && h.read == "" {
		h.next = e.First
	}
	if passed {
		h.read = in.Key
	}
}

// differs notes a row that is not what its entry says.
func (p *part) differs(a event.Account, want eventtable.Row) {
	if p.wrong[a] == nil {
		p.wrong[a] = map[int64]eventtable.Row{}
	}
	p.wrong[a][want.Version] = want
}
