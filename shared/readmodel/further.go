package readmodel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/table"
)

// Further names rows that a model has besides an account's row, in another table. They are
// written before the account's row, so that a crash in between repeats them: a row of the read
// model never has a version whose further rows are missing. Both functions are pure and may be nil.
type Further[S any] struct {
	// Table is the name of their table.
	Table string
	// OfEntry returns rows that depend on an entry alone. Their keys have the hash of the entry, so
	// each is written once, and never changes.
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

const (
	// maxFurther bounds the further rows that are kept in memory until they are written.
	maxFurther = 1000
	// parallelFurther is how many further rows of an account are written at once.
	parallelFurther = 16
)

// named adds the further rows that an entry names to those that are not written yet.
func (p *Projection[S]) named(row Row[S], e *event.Entry) []table.Row {
	if p.further == nil || p.further.OfEntry == nil {
		return nil
	}
	return append(slices.Clip(row.further), p.further.OfEntry(p.generation, e)...)
}

// write writes the further rows of an account, and then its row, by one transaction where that
// costs no more than a put.
func (p *Projection[S]) write(ctx context.Context, was int64, row Row[S], put table.Put) error {
	if p.further == nil {
		return p.rows.table.Put(ctx, put)
	}
	state, follows := table.Put{}, false
	if p.further.OfState != nil && row.Version > 0 {
		state = table.Put{Table: p.further.Table, If: put.If}
		state.Row, follows = p.further.OfState(p.generation, row)
	}
	if follows {
		state.Row.Attrs["rev"], state.Row.Attrs["version"] = table.N(row.rev), table.N(row.Version)
	}
	if p.transact {
		done, err := p.writeTogether(ctx, row, state, follows, put)
		if done || err != nil {
			return err
		}
	}
	if err := p.writeOfEntries(ctx, row.further); err != nil {
		return err
	}
	if follows {
		if err := p.writeOfState(ctx, was, row, state); err != nil {
			return err
		}
	}
	return p.rows.table.Put(ctx, put)
}

// writeTogether writes all rows of an account in one transaction, and reports whether it did. It
// leaves rows that are too many for one, or of which some are there already, to the caller.
func (p *Projection[S]) writeTogether(ctx context.Context, row Row[S], state table.Put, follows bool, put table.Put) (done bool, err error) {
	puts := make([]table.Put, 0, len(row.further)+2)
	for _, r := range row.further {
		puts = append(puts, table.Put{Table: p.further.Table, Row: r, If: table.Absent()})
	}
	if follows {
		puts = append(puts, state)
	}
	puts = append(puts, put)
	if len(puts) > table.MaxTransact {
		return false, nil
	}
	err = p.rows.table.Transact(ctx, puts)
	var failed *table.TransactError
	if errors.As(err, &failed) || errors.Is(err, table.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// writeOfEntries writes the rows that entries name. One that is there is the same: its key has the
// entry's hash.
func (p *Projection[S]) writeOfEntries(ctx context.Context, rows []table.Row) error {
	if len(rows) == 0 {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelFurther)
	for _, r := range rows {
		group.Go(func() error {
			err := p.rows.table.Put(ctx, table.Put{Table: p.further.Table, Row: r, If: table.Absent()})
			if err != nil && !errors.Is(err, table.ErrConditionFailed) {
				return fmt.Errorf("write %s %s %s: %w", p.further.Table, r.PK, r.SK, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// writeOfState writes the row that follows an account's state. Usually it has the rev that the
// account's row had. If it has another, a write between it and the account's row was interrupted,
// or another process writes: the row of the higher rev, and of the higher version at one rev,
// stays. If the stored one is beyond this one and the account's row is not, the caller's next rev
// passes it.
func (p *Projection[S]) writeOfState(ctx context.Context, was int64, row Row[S], put table.Put) error {
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
