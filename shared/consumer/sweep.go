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

const (
	// healParallel is how many accounts are healed at once.
	healParallel = 32
	// maxFailed bounds the accounts of a hole that wait to be healed again. If more fail, the cause
	// is not in the accounts, and the sweep waits with them. So many fit into the hole's row.
	maxFailed = 256
)

// sweep heals every account of the hole's hash range. It stores the hole after each page, so that
// this worker or another continues from there. Accounts that fail are kept in the row and tried
// again at the end; the hole stays open while there are any.
func (w *Worker) sweep(ctx context.Context, h *Hole) error {
	shard := Shard{Stream: w.runtime.Stream, ID: h.Shard, FirstHash: h.first, LastHash: h.last}
	var err error
	for err == nil && h.bucket < int64(len(event.HashBuckets)) {
		if shard.overlaps(event.HashBuckets[h.bucket]) {
			err = w.sweepPage(ctx, shard, h)
		} else {
			h.bucket++
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(err, w.healFailed(ctx, h)) // also when the page had no room for more of them
}

// sweepPage heals a page of the accounts and stores that it did.
func (w *Worker) sweepPage(ctx context.Context, s Shard, h *Hole) error {
	listing, cancel := context.WithTimeout(ctx, maintainTimeout)
	defer cancel()
	accounts, next, err := w.config.Accounts(listing, event.HashBuckets[h.bucket], h.page)
	if err != nil {
		return err
	}
	accounts = slices.DeleteFunc(accounts, func(a event.Account) bool { return !s.Owns(a.String()) })
	room := max(0, maxFailed-len(h.failed))
	failed, why := w.healAll(ctx, accounts, room)
	switch {
	case ctx.Err() != nil: // the cause of every failure
		return ctx.Err()
	case len(failed) > room:
		return fmt.Errorf("more than %d accounts cannot be healed: %w", maxFailed, why)
	case why != nil:
		w.noteFailure(stepHeal, fmt.Errorf("%d accounts of a page of %s cannot be healed yet: %w", len(failed), h.Shard, why))
	}
	h.failed, h.Accounts = append(h.failed, failed...), h.Accounts+int64(len(accounts))
	if h.page = next; next == "" {
		h.bucket++
	}
	if len(accounts) == 0 { // not worth a write
		return nil
	}
	return w.updateHole(ctx, h)
}

// healFailed heals the accounts that failed before, and returns an error when some fail again.
func (w *Worker) healFailed(ctx context.Context, h *Hole) error {
	failed, why := w.healAll(ctx, h.failed, len(h.failed))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if why != nil {
		why = fmt.Errorf("%d accounts cannot be healed yet: %w", len(failed), why)
	}
	if len(failed) == len(h.failed) {
		return why
	}
	h.failed = failed
	return errors.Join(why, w.updateHole(ctx, h))
}

// healAll heals accounts, healParallel at once. It returns those that fail, with the first error,
// and ends early when more than most do.
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
			bounded, cancelOne := context.WithTimeout(group, maintainTimeout)
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
