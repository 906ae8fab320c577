package consumer

import (
	"context"
	"fmt"
	"passbook/shared/event"
	"time"
)

// A read model that was lost has no row and, where the checkpoints were lost with it or the journal
// was restored, gets no record of what the journal holds. It would answer of no account, and
// nothing would tell: so the worker of a live generation looks, once, whether the model has rows of
// the accounts that the journal has, and sweeps them all where it has none.

// emptyCause is the cause of the holes that are recorded for it.
const emptyCause = "the read model has no row of the journal's accounts"

// missedAfter is how old an account may be and have no row yet.
const missedAfter = time.Minute

// fillEmpty records a hole of every shard when the model is empty beside a journal that is not.
// done is false while the stream's shards are not known yet.
func (w *Worker) fillEmpty(ctx context.Context) (done bool, err error) {
	if !w.met() {
		return false, nil // the first survey makes the leases one after the other
	}
	ctx, cancel := context.WithTimeout(ctx, tendWithin)
	defer cancel()
	leases, err := w.leases.list(ctx)
	if err != nil {
		return false, err
	}
	created, err := w.Streams.Created(ctx, w.Stream)
	if err != nil {
		return false, fmt.Errorf("creation of %s: %w", w.Stream, err)
	}
	empty, err := w.empty(ctx, created)
	if err != nil || !empty {
		return err == nil, err
	}
	for _, l := range leases {
		if l.created != created.Unix() || l.ended() {
			continue
		}
		if err := w.record(ctx, l, l.checkpoint, emptyCause); err != nil {
			return false, err
		}
	}
	return true, nil
}

// empty looks at the first account of each part of the journal: the model is empty where it has a
// row of none of them.
func (w *Worker) empty(ctx context.Context, created time.Time) (bool, error) {
	found := false
	for _, digit := range []byte(event.HashBuckets) {
		accounts, _, err := w.Journal.Accounts(ctx, digit, "")
		if err != nil {
			return false, err
		}
		if len(accounts) == 0 {
			continue
		}
		missing, err := w.Missing(ctx, accounts[0], created)
		if err != nil || !missing {
			return false, err
		}
		found = true
	}
	return found, nil
}

// missing says whether a generation has no row of an account that it should have one of: one that
// was opened before the stream was made, so that its first record is on no shard, or long ago.
func missing[S any](ctx context.Context, rows *Rows[S], generation int64, history History, a event.Account, created time.Time) (bool, error) {
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
