package readmodel

import (
	"context"
	"iter"

	"passbook/shared/event"
)

// History reads an account's entries from the journal; *journal.Reader implements it.
type History interface {
	// Entries yields, in version order, the entries that overlap versions from..to; to 0 is the
	// head.
	Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error]
	// Backward yields entries newest first, beginning with the one that holds version from, or the
	// last one before it; from 0 is the head.
	Backward(ctx context.Context, a event.Account, from int64) iter.Seq2[*event.Entry, error]
}

// Directory lists the accounts of the journal; *journal.Reader implements it.
type Directory interface {
	// Accounts returns a page of the accounts of a hash bucket; next is empty at the end.
	Accounts(ctx context.Context, bucket byte, after string) (accounts []event.Account, next string, err error)
}

// Journal is what a Projector needs of the journal.
type Journal interface {
	History
	Directory
}

// AllAccounts walks all accounts of the journal, in no order that means anything. An error is the
// last.
func AllAccounts(ctx context.Context, d Directory) iter.Seq2[event.Account, error] {
	return func(yield func(event.Account, error) bool) {
		for _, bucket := range []byte(event.HashBuckets) {
			for after := ""; ; {
				accounts, next, err := d.Accounts(ctx, bucket, after)
				if err != nil {
					yield(event.Account{}, err)
					return
				}
				for _, a := range accounts {
					if !yield(a, nil) {
						return
					}
				}
				after = next
				if after == "" {
					break
				}
			}
		}
	}
}
