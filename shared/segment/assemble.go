package segment

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/stream"
)

// result is what the rows of one entry gave: its record, or why it could not be made.
type result struct {
	record Record
	err    error
}

// assembler makes entries of rows and checks the order of a segment's rows.
type assembler struct {
	segment *Segment
	depth   Depth
	keep    func(tenant, account string) bool
	results []result
	open    *event.Entry // the entry whose rows are being read; nil between entries
	skipped event.Entry  // stands for an open entry that is skipped
	next    int64        // the version of the open entry's next row
	record  Record
	rows    int64
	entries int64

	recorded, arrived Span
	slab              slab
	tree              tree

	// Of format 2: the newest entries of the accounts, and of the open entry its column entry, the
	// prev that this leaves out, and whether its commands follow from the rows.
	heads   heads
	rest    []byte
	want    []byte // what rest must be
	prev    event.Hash
	known   bool
	implied bool
}

// batch reads one batch of rows and appends the entries that it completes to results. end reports
// that the segment has no more rows.
func (a *assembler) batch(c *cursor) (end bool, err error) {
	rows, err := c.next()
	if err != nil {
		return false, err
	}
	for i := range rows {
		err := a.add(&rows[i])
		if err != nil {
			return false, fmt.Errorf("row %d: %w", a.rows, err)
		}
		a.rows++
	}
	if len(rows) > 0 {
		return false, nil
	}
	return true, a.finish()
}

// finish compares what was read with the footer.
func (a *assembler) finish() error {
	f := a.segment.Footer
	switch {
	case a.open != nil:
		return fmt.Errorf("the last entry ends before version %d", a.open.Last)
	case a.rows != f.Rows || a.entries != f.Entries:
		return fmt.Errorf("%d rows of %d entries, but the footer counts %d of %d", a.rows, a.entries, f.Rows, f.Entries)
	case stream.CompareSequence(a.record.Sequence, f.Last) > 0:
		return fmt.Errorf("the last row is past the segment's last sequence %s", f.Last)
	case a.recorded != f.Recorded || a.arrived != f.Arrived:
		return errors.New("the times of the rows are not those of the footer")
	case f.Format >= 2 && a.tree.root() != f.Root:
		return errors.New("the hashes of the entries do not have the Merkle root of the footer")
	}
	return nil
}

// add takes the next row. It fails where the rows are out of order; an entry whose content is wrong
// becomes a result instead.
func (a *assembler) add(r *Row) error {
	var err error
	if a.open == nil {
		err = a.begin(r)
	} else {
		err = a.continues(r)
	}
	if err != nil {
		return err
	}
	a.next = r.Version + 1
	if a.open != &a.skipped {
		err = a.appendEvent(r)
		if err != nil {
			a.fail(r, err)
		}
	}
	if r.Version < a.open.Last {
		return nil
	}
	if a.open != &a.skipped {
		a.results = append(a.results, result{record: a.record})
	}
	a.open = nil
	return nil
}

// fail appends the open entry as a failed result and skips its other rows.
func (a *assembler) fail(r *Row, err error) {
	a.skip(r)
	a.results = append(a.results, result{err: &EntryError{
		Key: a.segment.Key, Tenant: r.Tenant, AccountID: r.AccountID, First: r.EntryFirst, Last: r.EntryLast, Err: err,
	}})
}

// skip opens an entry of which only the versions are kept.
func (a *assembler) skip(r *Row) {
	a.skipped = event.Entry{Tenant: r.Tenant, AccountID: r.AccountID, First: r.EntryFirst, Last: r.EntryLast, Hash: r.EntryHash}
	a.open = &a.skipped
}

// appendEvent adds the row's event to the open entry, and verifies the entry when it is complete.
func (a *assembler) appendEvent(r *Row) error {
	ev, err := a.eventOf(r)
	if err != nil {
		return fmt.Errorf("v%d: %w", r.Version, err)
	}
	a.open.Events = append(a.open.Events, ev)
	if a.depth == Exact && r.Version == a.open.Last {
		return a.verify()
	}
	return nil
}

// verify checks the open entry, which is complete, against its hash, and the column entry.
func (a *assembler) verify() error {
	err := a.open.Verify()
	if err != nil {
		return err
	}
	a.want = appendRest(a.want[:0], a.segment.Footer.Format, a.open, a.prev, a.known)
	if !bytes.Equal(a.want, a.rest) {
		return errors.New("entry does not follow from the entry")
	}
	return nil
}

// begin opens the entry whose first row is r.
func (a *assembler) begin(r *Row) error {
	switch {
	case r.Version != r.EntryFirst || r.EntryLast < r.EntryFirst || r.EntryFirst < 1:
		return fmt.Errorf("version %d begins an entry of versions %d to %d", r.Version, r.EntryFirst, r.EntryLast)
	case r.EntryLast-r.EntryFirst >= event.MaxEvents:
		return fmt.Errorf("an entry of versions %d to %d, which is more than an entry may have", r.EntryFirst, r.EntryLast)
	case len(r.Entry) == 0 && a.segment.Footer.Format == 1:
		return errors.New("an entry begins without a header")
	case !isSequence(r.Sequence):
		return fmt.Errorf("sequence %q", r.Sequence)
	case a.entries == 0 && (r.Sequence != a.segment.Footer.First || r.EntryHash != a.segment.Footer.FirstHash):
		return errors.New("the first row is not the entry named by the footer")
	case a.entries > 0 && stream.CompareSequence(a.record.Sequence, r.Sequence) >= 0:
		return fmt.Errorf("sequence %s follows %s", r.Sequence, a.record.Sequence)
	}
	a.entries++
	a.recorded.add(r.RecordedAt, a.entries == 1)
	a.arrived.add(r.ArrivedAt, a.entries == 1)
	a.record = Record{Sequence: r.Sequence, Arrived: time.UnixMicro(r.ArrivedAt).UTC()}
	if a.segment.Footer.Format >= 2 {
		a.tree.add(r.EntryHash)
		a.prev, a.known = a.heads.next(a.rows, r.Tenant, r.AccountID, r.EntryFirst)
	}
	if !a.keep(r.Tenant, r.AccountID) {
		a.skip(r)
		return nil
	}
	if a.segment.Footer.Format >= 2 {
		a.heads.add(r.Tenant, r.AccountID, r.EntryLast, r.EntryHash)
	}
	header := a.headerFromColumns
	if a.depth == Exact {
		header = a.exactHeader
	}
	e, err := header(r)
	if err != nil {
		a.fail(r, err)
		return nil
	}
	e.Events = a.slab.eventList(e.Last - e.First + 1)
	a.open, a.record.Entry = e, e
	return nil
}

// continues checks that r is the next row of the open entry.
func (a *assembler) continues(r *Row) error {
	e := a.open
	if r.Version != a.next || r.Tenant != e.Tenant || r.AccountID != e.AccountID ||
		r.EntryHash != e.Hash || r.Sequence != a.record.Sequence || r.EntryLast != e.Last || len(r.Entry) != 0 {
		return fmt.Errorf("%s/%s v%d does not continue the entry before it", r.Tenant, r.AccountID, r.Version)
	}
	return nil
}

// eventOf makes the event of a row of the open entry. At depth Exact it also checks that every
// column follows from the entry.
func (a *assembler) eventOf(r *Row) (event.Event, error) {
	e := a.open
	body, err := event.ParseBody(r.Type, int(r.Schema), r.Data)
	if err != nil {
		return event.Event{}, err
	}
	ev := event.Event{
		Version: r.Version, Schema: int(r.Schema), Command: commandOf(e, r.Version),
		EffectiveAt: time.Unix(int64(r.EffectiveAt)*secondsPerDay, 0).UTC(),
		After:       event.After{Posted: r.Posted, Held: r.Held, Limit: r.Limit},
		Currency:    e.Currency, RecordedAt: e.RecordedAt, Body: body,
	}
	if a.depth == FoldOnly {
		ev.Command = 0
		return ev, nil
	}
	ev.Data = bytes.Clone(r.Data)
	if a.implied {
		addCommand(e, r, body)
		ev.Command = len(e.Commands) - 1
	}
	if ev.Command < 0 {
		return ev, errors.New("no command made this event")
	}
	want := rowOf(a.segment.Footer.Format, a.record, ev, a.segment.Name.Shard)
	want.Entry = r.Entry // of the first row, verify compares it; continues refuses it in others
	if column := want.difference(r); column != "" {
		return ev, fmt.Errorf("%s do not follow from the entry", column)
	}
	return ev, nil
}

// commandOf returns the index of the command that made a version, or -1.
func commandOf(e *event.Entry, version int64) int {
	for i := range e.Commands {
		if e.Commands[i].First <= version && version <= e.Commands[i].Last {
			return i
		}
	}
	return -1
}

// exactHeader makes the entry of a row without its events, and notes what verify compares.
func (a *assembler) exactHeader(r *Row) (*event.Entry, error) {
	a.rest = append(a.rest[:0], r.Entry...)
	a.implied = a.segment.Footer.Format >= 2 && (len(r.Entry) == 0 || isShortRest(r.Entry))
	if a.implied {
		return a.headerFromColumns(r)
	}
	e, err := event.DecodeHeader(a.rest)
	if err != nil {
		return nil, err
	}
	if e.First != r.EntryFirst || e.Last != r.EntryLast {
		return nil, errors.New("the header has other versions than the row")
	}
	return e, nil
}

// headerFromColumns makes an entry without commands from the typed columns. Of the column entry it
// reads only what no other has: format and prev.
func (a *assembler) headerFromColumns(r *Row) (*event.Entry, error) {
	format, prev, err := impliedFormat, a.prev, error(nil)
	if len(r.Entry) > 0 {
		format, prev, err = formatAndPrev(r.Entry)
	} else if !a.known {
		err = errors.New("no prev in the column entry, and the segment lacks the account's entry before")
	}
	if err != nil {
		return nil, err
	}
	e := a.slab.entry()
	e.Format, e.Tenant, e.AccountID, e.First, e.Last = format, r.Tenant, r.AccountID, r.EntryFirst, r.EntryLast
	e.Currency, e.RecordedAt, e.Hash, e.Prev = r.Currency, time.UnixMicro(r.RecordedAt).UTC(), r.EntryHash, prev
	e.MAC, err = a.macOf(e, r)
	return e, err
}

// macOf returns the MAC of an entry from its first row.
func (a *assembler) macOf(e *event.Entry, r *Row) (event.MAC, error) {
	switch {
	case a.segment.Footer.Format < 2 && e.Signed():
		return event.MAC{}, errors.New("a signed entry in a segment of format 1, which has no room for its mac")
	case e.Signed():
		return event.ParseMAC(r.MAC)
	case r.MAC != "":
		return event.MAC{}, fmt.Errorf("a mac beside an entry of format %d, which has none", e.Format)
	}
	return event.MAC{}, nil
}

// slab hands out entries and events from larger allocations, which leaves less work to the garbage
// collector.
type slab struct {
	entries []event.Entry
	events  []event.Event
}

const (
	slabEntries = 128
	slabEvents  = 256
)

func (m *slab) entry() *event.Entry {
	if len(m.entries) == 0 {
		m.entries = make([]event.Entry, slabEntries)
	}
	e := &m.entries[0]
	m.entries = m.entries[1:]
	return e
}

// eventList returns an empty list with room for n events. A large n is not trusted before its rows
// have been read.
func (m *slab) eventList(n int64) []event.Event {
	if n > slabEvents {
		return nil
	}
	if int64(len(m.events)) < n {
		m.events = make([]event.Event, slabEvents)
	}
	list := m.events[0:0:n]
	m.events = m.events[n:]
	return list
}
