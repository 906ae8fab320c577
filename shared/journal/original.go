package journal

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/event"
)

// Original returns the event that a transaction id of the command's account names, nil where there
// is none, and whether a reversal of it is stored. It looks into the command's dry run too. An
// error is ErrUnavailable.
func (r *Reader) Original(ctx context.Context, c Command, transactionID string) (original *event.Event, reversed bool, err error) {
	version, ok := event.ParseID('t', transactionID)
	if !ok {
		return nil, false, nil
	}
	if original, err = r.find(ctx, c, version); err != nil || original == nil {
		return nil, false, err
	}
	if reversed, err = r.reversed(ctx, c, version); err != nil {
		return nil, false, fmt.Errorf("read whether %s of %s was reversed: %w: %w", transactionID, c.Account, ErrUnavailable, err)
	}
	return original, reversed, nil
}

// reversed reports whether that version was reversed, or would be by the command's dry run.
func (r *Reader) reversed(ctx context.Context, c Command, version int64) (bool, error) {
	if c.DryRun.Reversed(c.Account, version) {
		return true, nil
	}
	return r.Reversed(ctx, c.Account, version)
}

// Placed reports whether a hold id names an event of the command's account that placed a hold. It
// looks into the command's dry run too. An error is ErrUnavailable.
func (r *Reader) Placed(ctx context.Context, c Command, holdID string) (bool, error) {
	version, ok := event.ParseID('h', holdID)
	if !ok {
		return false, nil
	}
	ev, err := r.find(ctx, c, version)
	if err != nil || ev == nil {
		return false, err
	}
	_, ok = ev.Body.(event.HoldPlaced)
	return ok, nil
}

// find returns the event of a version of the command's account, nil where there is none.
func (r *Reader) find(ctx context.Context, c Command, version int64) (*event.Event, error) {
	if ev := c.DryRun.Event(c.Account, version); ev != nil {
		return ev, nil
	}
	ev, _, err := r.Event(ctx, c.Account, version)
	if errors.Is(err, ErrNoEvent) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", c.Account.EventID(version), ErrUnavailable, err)
	}
	return &ev, nil
}
