package readmodel

import (
	"context"
	"time"

	"passbook/shared/event"
)

// A read model that was lost has no row and, where the checkpoints were lost with it or the journal
// was restored, gets no record of what the journal holds. It would answer of no account, and
// nothing would tell: so the worker of a live generation checks at its start whether the model has
// rows of the accounts that the journal has, and heals them all where it has none.

// missedAfter is how old an account may be and have no row yet.
const missedAfter = time.Minute

// emptyCheck returns a consumer.Config's Empty for a generation: it looks at the first account of
// each hash bucket of the journal, and the model is empty where it has a row of none of them.
func emptyCheck[S any](rows *Rows[S], generation int64, j Journal) func(context.Context, time.Time) (bool, error) {
	return func(ctx context.Context, created time.Time) (bool, error) {
		found := false
		for _, bucket := range []byte(event.HashBuckets) {
			accounts, _, err := j.Accounts(ctx, bucket, "")
			if err != nil {
				return false, err
			}
			if len(accounts) == 0 {
				continue
			}
			missing, err := rowMissing(ctx, rows, generation, j, accounts[0], created)
			if err != nil || !missing {
				return false, err
			}
			found = true
		}
		return found, nil
	}
}

// rowMissing reports whether a generation has no row of an account that it should have one of: one
// that was opened before the stream was created, so that its first record is on no shard, or longer
// ago than missedAfter.
func rowMissing[S any](ctx context.Context, rows *Rows[S], generation int64, history History, a event.Account, created time.Time) (bool, error) {
	row, err := rows.load(ctx, generation, a)
	if err != nil || row.Version > 0 || row.BlockedAt > 0 {
		return false, err
	}
	for e, err := range history.Entries(ctx, a, 1, 1) {
		if err != nil {
			return false, err
		}
		return e.RecordedAt.Before(created) || time.Since(e.RecordedAt) > missedAfter, nil
	}
	return false, nil
}
