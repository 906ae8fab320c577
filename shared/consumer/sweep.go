package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
)

// sweep brings every account of the hole's hash range up to the journal. The hole's row is written
// after each page, so that whoever goes on, this worker or another, begins behind it. Accounts that
// fail stay in the row, and are tried again at the end; while there are any, the hole is open.
func (w *Worker) sweep(ctx context.Context, h *Hole) error {
	shard := Shard{Stream: w.runtime.Stream, ID: h.Shard, FirstHash: h.first, LastHash: h.last}
	var err error
	for err == nil && h.digit < int64(len(event.HashBuckets)) {
		if shard.overlaps(event.HashBuckets[h.digit]) {
			err = w.sweepPage(ctx, shard, h)
		} else {
			h.digit++
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(err, w.healFailed(ctx, h)) // also when the page had no room for more of them
}

// sweepPage heals a page of the accounts, and saves that it did.
func (w *Worker) sweepPage(ctx context.Context, s Shard, h *Hole) error {
	listing, cancel := context.WithTimeout(ctx, tendWithin)
	defer cancel()
	accounts, next, err := w.config.Accounts(listing, event.HashBuckets[h.digit], h.page)
	if err != nil {
		return err
	}
	accounts = slices.DeleteFunc(accounts, func(a event.Account) bool { return !s.Owns(a.String()) })
	room := max(0, failedMost-len(h.failed))
	failed, why := w.healAll(ctx, accounts, room)
	switch {
	case ctx.Err() != nil: // whatever failed, failed for that
		return ctx.Err()
	case len(failed) > room:
		return fmt.Errorf("more than %d accounts fail: %w", failedMost, why)
	case why != nil:
		w.note(stepHeal, fmt.Errorf("%d accounts of a page of %s: %w", len(failed), h.Shard, why))
	}
	h.failed, h.Accounts = append(h.failed, failed...), h.Accounts+int64(len(accounts))
	if h.page = next; next == "" {
		h.digit++
	}
	if len(accounts) == 0 { // not worth a write
		return nil
	}
	return w.update(ctx, h)
}

// healFailed tries the accounts that failed once more, and fails when some do so again.
func (w *Worker) healFailed(ctx context.Context, h *Hole) error {
	failed, why := w.healAll(ctx, h.failed, len(h.failed))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if why != nil {
		why = fmt.Errorf("%d accounts: %w", len(failed), why)
	}
	if len(failed) == len(h.failed) {
		return why
	}
	h.failed = failed
	return errors.Join(why, w.update(ctx, h))
}

// healAll heals accounts, many at once, and lists those that fail, with the first error. It ends
// early when more than most do.
func (w *Worker) healAll(ctx context.Context, accounts []event.Account, most int) (failed []event.Account, why error) {
	var (
		mu sync.Mutex
		g  errgroup.Group
	)
	group, cancel := context.WithCancel(ctx)
	defer cancel()
	g.SetLimit(healParallel)
	for _, a := range accounts {
		if group.Err() != nil {
			break
		}
		g.Go(func() error {
			bounded, cancelOne := context.WithTimeout(group, tendWithin)
			defer cancelOne()
			err := w.config.Heal(bounded, a)
			if err == nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if failed = append(failed, a); why == nil {
				why = fmt.Errorf("%s: %w", a, err)
			}
			if len(failed) > most {
				cancel()
			}
			return nil
		})
	}
	err := g.Wait() // before the results are read
	return failed, errors.Join(why, err)
}
