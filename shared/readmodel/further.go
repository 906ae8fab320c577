package readmodel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// Further names rows that a model has besides an account's row, in another table. They are written
// before the account's row or, in a batch that is saved together, in the same calls: a crash in
// between has the entries delivered again, and their further rows put again. So a row that lacks
// some gets them with the next delivery. Both functions are pure and may be nil.
type Further[S any] struct {
	// Table is the name of their table.
	Table string
	// OfEntry returns rows that depend on an entry alone. Their keys have the hash of the entry,
	// and their attributes follow from the keys, so each is written once (table.Once) and never
	// changes.
	OfEntry func(generation int64, e *event.Entry) []table.Row
	// OfState returns the row that follows the account's state, and false if the state has none.
	// The projection adds the attributes rev and version of the account's row, on which its writes
	// are conditional.
	OfState func(generation int64, r Row[S]) (table.Row, bool)
}

// Difference is what further rows of an account have otherwise than the journal.
type Difference struct {
	Account event.Account
	Version int64
	// What has no values of the account; Expected and Found are both, where two differ.
	What, Expected, Found string
	// Foreign says that a row is there that no program wrote, which no fold of the account changes.
	Foreign bool
}

// Compared is what of further rows was compared with the journal.
type Compared struct {
	// Index says that the rows of entries were compared, from From on. They are not while a program
	// leaves them out, or where nothing says what there is.
	Index bool      `json:"compared"`
	From  time.Time `json:"from,omitzero"`
	// Strays are rows of entries that the journal does not have. They show nothing.
	Strays int64 `json:"strays,omitempty"`
}

// maxFurther bounds the further rows that are kept in memory until they are written. Those of one
// more entry, and the account's own rows, still fit into a PutEach.
const maxFurther = table.MaxEach - 200

// named adds the further rows that an entry names to those that are not written yet. Nothing else
// may be added to those: the row continues with what this returns, or begins again as it is stored.
func (p *Projection[S]) named(row Row[S], e *event.Entry) []table.Row {
	if p.further == nil || p.further.OfEntry == nil {
		return nil
	}
	rows := p.further.OfEntry(p.generation, e)
	if len(row.further) == 0 {
		return rows
	}
	return append(row.further, rows...)
}

// again returns the row with the further rows of an entry that it has already, where they may not
// have been stored with it.
func (p *Projection[S]) again(row Row[S], e *event.Entry) Row[S] {
	if p.further == nil || p.rows.table.Together() == 1 {
		return row
	}
	row.repeated = true
	waiting := row.further
	for _, r := range p.named(Row[S]{}, e) {
		if !slices.ContainsFunc(waiting, func(w table.Row) bool { return w.Key == r.Key }) {
			row.further = append(slices.Clip(row.further), r)
		}
	}
	return row
}

// rowWrite is a row that is to be written, with the put of it and that of the row that follows the
// account's state, if one does.
type rowWrite[S any] struct {
	was     int64 // the rev of the stored row
	row     Row[S]
	put     table.Put
	state   table.Put
	follows bool
	began   time.Time
	stamp   uint64 // of the row after the write, if nobody else writes it
}

// puts returns how many rows are to be written.
func (w *rowWrite[S]) puts() int {
	n := len(w.row.further) + 1
	if w.follows {
		n++
	}
	return n
}

// follow adds the put of the row that follows the account's state.
func (p *Projection[S]) follow(w *rowWrite[S]) {
	if p.further == nil || p.further.OfState == nil || w.row.Version == 0 {
		return
	}
	w.state = table.Put{Table: p.further.Table, If: w.put.If}
	if w.state.Row, w.follows = p.further.OfState(p.generation, w.row); w.follows {
		w.state.Row.Attrs["rev"], w.state.Row.Attrs["version"] = table.N(w.row.rev), table.N(w.row.Version)
	}
}

// write writes the further rows of an account, and then its row, by one transaction where that
// costs no more than a put.
func (p *Projection[S]) write(ctx context.Context, w *rowWrite[S]) error {
	if p.transact && p.further != nil {
		done, err := p.transactAll(ctx, w)
		if done || err != nil {
			return err
		}
	}
	if err := p.writeFurther(ctx, w); err != nil {
		return err
	}
	return p.rows.table.Put(ctx, w.put)
}

// writeFurther writes the further rows of an account.
func (p *Projection[S]) writeFurther(ctx context.Context, w *rowWrite[S]) error {
	if err := p.writeOfEntries(ctx, w.row.further); err != nil || !w.follows {
		return err
	}
	return p.writeOfState(ctx, w.row, w.state)
}

// writeFurtherAgain writes further rows of a row that is stored.
func (p *Projection[S]) writeFurtherAgain(ctx context.Context, row Row[S]) error {
	w := rowWrite[S]{row: row, put: table.Put{If: table.Equals("rev", table.N(row.rev))}}
	p.follow(&w)
	return p.writeFurther(ctx, &w)
}

// appendOfEntries appends the puts of rows that entries name.
func appendOfEntries(to []table.Put, rows []table.Row, further string) []table.Put {
	for _, r := range rows {
		to = append(to, table.Put{Table: further, Row: r, If: table.Once()})
	}
	return to
}

// transactAll writes all rows of an account in one transaction, and reports whether it did. It
// leaves rows that are too many for one, or whose conditions fail, to the caller.
func (p *Projection[S]) transactAll(ctx context.Context, w *rowWrite[S]) (done bool, err error) {
	if w.puts() > table.MaxTransact {
		return false, nil
	}
	err = p.rows.table.Transact(ctx, w.appendPuts(make([]table.Put, 0, w.puts()), p.furtherTable))
	var failed *table.TransactError
	if errors.As(err, &failed) || errors.Is(err, table.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// appendPuts appends the puts of all rows: first of those of the entries, which are in the table
// further, and last of the account's own.
func (w *rowWrite[S]) appendPuts(to []table.Put, further string) []table.Put {
	to = appendOfEntries(to, w.row.further, further)
	if w.follows {
		to = append(to, w.state)
	}
	return append(to, w.put)
}

// writeOfEntries writes the rows that entries name, of which some may be there already.
func (p *Projection[S]) writeOfEntries(ctx context.Context, rows []table.Row) error {
	for rows := range slices.Chunk(rows, table.MaxEach) {
		puts := appendOfEntries(make([]table.Put, 0, len(rows)), rows, p.furtherTable)
		for i, err := range p.rows.table.PutEach(ctx, puts) {
			if err != nil {
				return fmt.Errorf("write %s %s %s: %w", p.furtherTable, rows[i].PK, rows[i].SK, err)
			}
		}
	}
	return nil
}

// writeOfState writes the row that follows an account's state. Usually it has the rev that the
// account's row had. If it has another, a write between it and the account's row was interrupted,
// or another process writes: the row of the higher rev, and of the higher version at one rev,
// stays. If the stored one is beyond this one and the account's row is not, the caller's next rev
// passes it.
func (p *Projection[S]) writeOfState(ctx context.Context, row Row[S], put table.Put) error {
	for range maxAttempts {
		err := p.rows.table.Put(ctx, put)
		if err == nil {
			return nil
		}
		if !errors.Is(err, table.ErrConditionFailed) {
			return fmt.Errorf("write %s of %s v%d: %w", put.Table, row.Account, row.Version, err)
		}
		there, err := p.rows.table.Get(ctx, put.Table, put.Row.Key, true)
		if errors.Is(err, table.ErrNotFound) {
			put.If = table.Absent()
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", put.Table, row.Account, err)
		}
		rev, version := there.Attrs.Number("rev"), there.Attrs.Number("version")
		if rev > row.rev || rev == row.rev && version >= row.Version {
			return nil
		}
		put.If = table.Equals("rev", table.N(rev))
	}
	return fmt.Errorf("write %s of %s: %w", put.Table, row.Account, errStale)
}
