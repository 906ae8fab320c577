package delivery

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/event"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

// newest returns an account's newest entry, nil if the journal does not have the account.
func (s *Store) newest(ctx context.Context, a event.Account) (*event.Entry, error) {
	for e, err := range s.journal.Backward(ctx, a, 0) {
		if err != nil {
			return nil, fmt.Errorf("read the newest entry of %s: %w", a, err)
		}
		return e, nil
	}
	return nil, nil
}

// raiseNewest raises the row of an account to the end of the journal.
func (s *Store) raiseNewest(ctx context.Context, e *webhook.Endpoint, a event.Account) (due bool, err error) {
	newest, err := s.newest(ctx, a)
	if err != nil || newest == nil {
		return false, err
	}
	return s.raise(ctx, e, newest)
}

// Repair writes the row of an account as the journal has it: not ahead of it, in the list of its
// state, and with everything noted that there is to send. Without a row everything since the
// endpoint's time is to be sent, again where it was. A turn that sends at that moment ends.
func (s *Store) Repair(ctx context.Context, e *webhook.Endpoint, a event.Account) error {
	_, err := s.change(ctx, e.ID, a, func(row *Row) (bool, error) {
		if row.Rev == 0 {
			return false, nil
		}
		newest, err := s.newest(ctx, a) // after the row, so that no row is taken to be ahead
		if err != nil {
			return false, err
		}
		last := int64(0)
		if newest != nil {
			last = newest.Last
		}
		row.Endpoint, row.Account = e.ID, a
		row.Seen = min(row.Seen, last)
		row.Next = min(max(row.Next, 1), row.Seen+1)
		if row.State != Dead || row.Next > row.Seen {
			row.State = ""
			row.settle(s.now())
		}
		row.Replays++
		return true, nil
	})
	if err != nil {
		return err
	}
	_, err = s.raiseNewest(ctx, e, a)
	return err
}

// Discard removes a row that is of no endpoint, or of no account.
func (s *Store) Discard(ctx context.Context, key table.Key) error {
	row, err := s.table.Get(ctx, Table, key, true)
	if err == nil {
		err = s.table.Delete(ctx, Table, key, table.Equals("rev", table.N(row.Attrs.Number("rev"))))
	}
	if err != nil && !errors.Is(err, table.ErrNotFound) && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("remove the delivery %s: %w", key.PK, err)
	}
	return nil
}
