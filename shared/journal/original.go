package journal

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/event"
)

// Original returns the event that a transaction id names, nil where the account has none, and
// whether a reversal of it is stored. An error is ErrUnavailable.
func (r *Reader) Original(ctx context.Context, a event.Account, transactionID string) (original *event.Event, reversed bool, err error) {
	version, ok := event.ParseID('t', transactionID)
	if !ok {
		return nil, false, nil
	}
	if original, err = r.find(ctx, a, version); err != nil || original == nil {
		return nil, false, err
	}
	if reversed, err = r.Reversed(ctx, a, version); err != nil {
		return nil, false, fmt.Errorf("read whether %s of %s was reversed: %w: %w", transactionID, a, ErrUnavailable, err)
	}
	return original, reversed, nil
}

// Placed reports whether a hold id names an event of the account that placed a hold. An error is
// ErrUnavailable.
func (r *Reader) Placed(ctx context.Context, a event.Account, holdID string) (bool, error) {
	version, ok := event.ParseID('h', holdID)
	if !ok {
		return false, nil
	}
	ev, err := r.find(ctx, a, version)
	if err != nil || ev == nil {
		return false, err
	}
	_, ok = ev.Body.(event.HoldPlaced)
	return ok, nil
}

// find returns the account's event of a version, nil where there is none.
func (r *Reader) find(ctx context.Context, a event.Account, version int64) (*event.Event, error) {
	ev, _, err := r.Event(ctx, a, version)
	if errors.Is(err, ErrNoEvent) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", a.EventID(version), ErrUnavailable, err)
	}
	return &ev, nil
}
