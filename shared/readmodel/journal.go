package readmodel

import (
	"context"
	"iter"

	"passbook/shared/event"
)

// History reads an account's entries from the journal; *journal.Reader does.
type History interface {
	// Entries walks, in version order, the entries that overlap versions from..to; to 0 is the
	// head.
	Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error]
	// Backward walks entries newest first, from the one that holds a version, or is the last before
	// it; from 0 is the head.
	Backward(ctx context.Context, a event.Account, from int64) iter.Seq2[*event.Entry, error]
}

// Directory lists the accounts of the journal; *journal.Reader does.
type Directory interface {
	// Accounts lists a page of the accounts of a hash bucket; next is empty at the end.
	Accounts(ctx context.Context, bucket byte, after string) (accounts []event.Account, next string, err error)
}

// Journal is what a read model needs of the journal.
type Journal interface {
	History
	Directory
}
