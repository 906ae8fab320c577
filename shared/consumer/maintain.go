package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// emptyCause is the cause of the holes that healEmpty records.
const emptyCause = "the consumer's store was empty beside a journal that is not"

// maintain runs the maintenance once a lease, and when it is woken, until ctx ends. It calls the
// consumer's Maintain, heals a store that was lost, and heals the holes that this worker recorded
// and those whose healer is no longer alive.
func (w *Worker) maintain(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	checked := w.config.Empty == nil
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-timer.C:
		}
		err := w.maintainConsumer(ctx)
		if w.config.Heal != nil && w.config.Accounts != nil {
			if !checked {
				var failed error
				checked, failed = w.healEmpty(ctx)
				err = errors.Join(err, failed)
			}
			err = errors.Join(err, w.healHoles(ctx))
		}
		if err != nil && ctx.Err() == nil {
			w.noteFailure(stepMaintain, err)
		}
		timer.Reset(w.runtime.Lease)
	}
}

// wakeMaintenance has the maintenance run now.
func (w *Worker) wakeMaintenance() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Worker) maintainConsumer(ctx context.Context) error {
	if w.config.Maintain == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, maintainTimeout)
	defer cancel()
	return w.config.Maintain(ctx)
}

// healEmpty records a hole of every shard when the consumer's store was lost and the checkpoints
// were not, so that nothing would deliver again what it lacks. done is false while the shards of
// the stream are not known yet.
func (w *Worker) healEmpty(ctx context.Context) (done bool, err error) {
	if !w.shardsKnown() {
		return false, nil // the first snapshot makes the leases one after the other
	}
	ctx, cancel := context.WithTimeout(ctx, maintainTimeout)
	defer cancel()
	leases, err := w.leases.list(ctx)
	if err != nil {
		return false, err
	}
	created, err := w.runtime.Streams.Created(ctx, w.runtime.Stream)
	if err != nil {
		return false, fmt.Errorf("read the creation of stream %s: %w", w.runtime.Stream, err)
	}
	empty, err := w.config.Empty(ctx, created)
	if err != nil || !empty {
		return err == nil, err
	}
	for _, l := range leases {
		if l.created != created.Unix() || l.ended() {
			continue
		}
		if err := w.recordHole(ctx, l, l.checkpoint, emptyCause); err != nil {
			return false, err
		}
	}
	return true, nil
}

// healHoles heals every open hole of this worker, and of workers that are no longer alive. A hole
// that cannot be healed yet does not delay the others.
func (w *Worker) healHoles(ctx context.Context) error {
	listing, cancel := context.WithTimeout(ctx, maintainTimeout)
	defer cancel()
	holes, err := Holes(listing, w.runtime.Table, w.runtime.Stream, w.config.Name)
	if err != nil {
		return err
	}
	var failed error
	for _, h := range holes {
		if !h.HealedAt.IsZero() || h.healer != w.runtime.Owner && w.alive(h.healer) {
			continue
		}
		if err := w.healHole(ctx, h); err != nil {
			failed = errors.Join(failed, fmt.Errorf("heal the hole of %s: %w", h.Shard, err))
		}
	}
	return failed
}

// healHole sweeps a hole, from where its row says that the sweep is, and closes it.
func (w *Worker) healHole(ctx context.Context, h Hole) error {
	if h.healer != w.runtime.Owner {
		h.healer = w.runtime.Owner
		if err := w.updateHole(ctx, &h); err != nil {
			return err
		}
	}
	if err := w.sweep(ctx, &h); err != nil {
		return err
	}
	h.HealedAt = time.Now().UTC()
	if err := w.updateHole(ctx, &h); err != nil {
		return err
	}
	w.runtime.Log.Info("hole healed", "shard", h.Shard, "after", h.After, "accounts", h.Accounts)
	return nil
}
