package restorer

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
)

// ErrDiffers: a restore found another entry in place.
var ErrDiffers = errors.New("restorer: another entry in place")

// Restorer puts archived entries back into a journal that was lost. No writer may be active at the
// same time.
type Restorer struct{ table table.Table }

// New returns a Restorer into t.
func New(t table.Table) *Restorer { return &Restorer{table: t} }

// Restore puts one entry back, with the state after it and its guard, and without a writer, as
// nobody needs to publish it. To repeat it does no harm. It returns ErrDiffers when another entry
// is in place. The caller restores an account in version order.
func (r *Restorer) Restore(ctx context.Context, e *event.Entry, s account.State) error {
	row, guards, err := rowsOf(e, s)
	if err != nil {
		return err
	}
	err = r.table.Put(ctx, table.Put{Table: rowkey.Table, Row: row, If: table.Absent()})
	if errors.Is(err, table.ErrConditionFailed) {
		err = r.compare(ctx, row)
	}
	if err != nil {
		return fmt.Errorf("restore %s v%d: %w", e.Account(), e.First, err)
	}
	for _, guard := range guards {
		err = r.table.Put(ctx, guard)
		if err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return fmt.Errorf("restore guard of %s v%d: %w", e.Account(), e.First, err)
		}
	}
	return nil
}

// Lacks reports whether Restore would put the entry, and fails where Restore would fail. It writes
// nothing.
func (r *Restorer) Lacks(ctx context.Context, e *event.Entry, s account.State) (bool, error) {
	row, _, err := rowsOf(e, s)
	if err != nil {
		return false, err
	}
	err = r.compare(ctx, row)
	if errors.Is(err, table.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("restore %s v%d: %w", e.Account(), e.First, err)
	}
	return false, nil
}

// rowsOf returns an entry's row and its guards.
func rowsOf(e *event.Entry, s account.State) (row table.Row, guards []table.Put, err error) {
	a := e.Account()
	bare, enc, err := e.Published()
	if err != nil {
		return row, nil, fmt.Errorf("restore %s v%d: %w", a, e.First, err)
	}
	if bare.Hash != e.Hash {
		return row, nil, fmt.Errorf("restore %s v%d: the entry does not have the hash that it names", a, e.First)
	}
	for _, ev := range e.Events {
		reversal, ok := ev.Body.(event.TransactionReversed)
		if !ok {
			continue
		}
		original, ok := event.ParseID('t', reversal.OriginalTransactionID)
		if !ok {
			return row, nil, fmt.Errorf("restore guard of %s: bad original transaction id", a.EventID(ev.Version))
		}
		guards = append(guards, rowkey.GuardPut(a, original, ev.Version))
	}
	return rowkey.Row(bare, enc, account.AppendState(nil, s)), guards, nil
}

func (r *Restorer) compare(ctx context.Context, row table.Row) error {
	there, err := r.table.Get(ctx, rowkey.Table, row.Key, true)
	if err != nil {
		return err
	}
	if there.Attrs["hash"] != row.Attrs["hash"] {
		return ErrDiffers
	}
	return nil
}
