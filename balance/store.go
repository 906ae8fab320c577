package balance

import (
	"passbook/shared/account"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Row is an account's row.
type Row = readmodel.Row[account.State]

// Store reads the rows of the live generation, and lists accounts. It may be used concurrently.
type Store struct {
	*readmodel.Rows[account.State]
	table table.Table
}

// NewStore returns the store of the rows in t. A Projector that is given the store wakes its
// waiting readers. keep bounds the bytes of rows that each generation keeps in memory, for its
// readers too; 0 is 64 MiB.
func NewStore(t table.Table, keep int64) *Store {
	return &Store{Rows: readmodel.NewRows(t, model, keep), table: t}
}
