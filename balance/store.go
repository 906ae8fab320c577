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
// waiting readers.
func NewStore(t table.Table) *Store {
	return &Store{Rows: readmodel.NewRows(t, model), table: t}
}
