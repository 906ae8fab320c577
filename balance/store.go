package balance

import (
	"context"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Row is an account's row: its state, how far it is, and whether it stands still.
type Row = readmodel.Row[account.State]

// Store reads the rows of the live generation. It may be used concurrently.
type Store struct {
	table table.Table
	rows  *readmodel.Rows[account.State]
}

// NewStore reads the rows in t. A Projector that is given the store wakes its waiting readers.
func NewStore(t table.Table) *Store {
	return &Store{table: t, rows: readmodel.NewRows(t, model)}
}

// Get reads an account's row: readmodel.ErrNoRow when there is none, readmodel.ErrBehind when a
// promotion is not overtaken yet.
func (s *Store) Get(ctx context.Context, a event.Account) (Row, error) { return s.rows.Get(ctx, a) }

// Wait reads an account's row once it is at minVersion; readmodel.ErrBehind, as a
// *readmodel.BehindError with the version that is there, when that takes longer than wait. A
// missing row is waited for too.
func (s *Store) Wait(ctx context.Context, a event.Account, minVersion int64, wait time.Duration) (Row, error) {
	return s.rows.Wait(ctx, a, minVersion, wait)
}
