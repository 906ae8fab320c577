package readmodel

import (
	"context"
	"time"

	"passbook/shared/event"
)

// A read model that was lost has no rows. If its checkpoints were not lost with it, or the journal
// was restored, no record on the stream brings them back: the model would answer that no account
// exists. So the worker of a live generation checks at its start whether the model has rows of the
// journal's accounts, and folds every account from the journal if it has none.

// firstRowWithin bounds the time from the opening of an account until it has a row.
const firstRowWithin = time.Minute

// emptyCheck returns the Empty of a generation's consumer.Config. It looks at the first account of
// each hash bucket of the journal; the model counts as empty if it has a row of none of them.
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

// rowMissing reports whether a generation lacks the row of an account that should have one: an
// account that was opened before the stream was created, so that its first record is on no shard,
// or longer ago than firstRowWithin.
func rowMissing[S any](ctx context.Context, rows *Rows[S], generation int64, history History, a event.Account, created time.Time) (bool, error) {
	row, err := rows.load(ctx, generation, a)
	if err != nil || row.Version > 0 || row.QuarantinedAt > 0 {
		return false, err
	}
	for e, err := range history.Entries(ctx, a, 1, 1) {
		if err != nil {
			return false, err
		}
		return e.RecordedAt.Before(created) || time.Since(e.RecordedAt) > firstRowWithin, nil
	}
	return false, nil
}
