package clockwatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// AcceptedTime returns up to which time an account's was accepted, the zero time if none was, and
// the version of the row that says so.
func AcceptedTime(ctx context.Context, t table.Table, a event.Account) (time.Time, table.Value, error) {
	rows := control.AcceptedTimes(t)
	row, err := rows.Get(ctx, control.AcceptedTimeKey(a.String()))
	if errors.Is(err, table.ErrNotFound) {
		return time.Time{}, nil, nil
	}
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("read the accepted time of %s: %w", a, err)
	}
	r := table.NewReader(row.Attrs)
	until := r.Time("until")
	if r.Bad() != "" {
		return time.Time{}, nil, fmt.Errorf("%w: accepted time of %s", event.ErrDamaged, a.ID)
	}
	return until, rows.Version(row), nil
}

// Accept notes that a person accepts an account's time up to at.
func Accept(ctx context.Context, t table.Table, a event.Account, at time.Time) error {
	until, was, err := AcceptedTime(ctx, t, a)
	if err != nil || !until.Before(at) {
		return err
	}
	if err := control.AcceptedTimes(t).Put(ctx, control.AcceptedTimeKey(a.String()), table.Map{"until": table.Time(at)}, was); err != nil {
		return fmt.Errorf("accept the time of %s: %w", a, err)
	}
	return nil
}
