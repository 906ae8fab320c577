package delivery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

// History is the journal, where the events are. Entries yields in version order what overlaps
// versions from..to, and Backward newest first from the entry that has a version, 0 for the newest.
type History interface {
	Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error]
	Backward(ctx context.Context, a event.Account, from int64) iter.Seq2[*event.Entry, error]
	VersionAt(ctx context.Context, a event.Account, t time.Time) (int64, error)
	Accounts(ctx context.Context, bucket byte, after string) (accounts []event.Account, next string, err error)
}

// writes bounds how often a row's write is tried against another's.
const writes = 8

// callMost bounds each call of the table.
const callMost = 5 * time.Second

// Store keeps the rows. It is safe for concurrent use.
type Store struct {
	table   table.Table
	journal History
	now     func() time.Time
}

// NewStore returns the store of the rows in t; now is the clock.
func NewStore(t table.Table, history History, now func() time.Time) *Store {
	return &Store{table: table.WithTimeout(t, callMost), journal: history, now: now}
}

// get returns the row of an account, whose rev is 0 if there is none.
func (s *Store) get(ctx context.Context, endpoint string, a event.Account) (Row, error) {
	item, err := s.table.Get(ctx, Table, key(endpoint, a), true)
	if errors.Is(err, table.ErrNotFound) {
		return Row{Endpoint: endpoint, Account: a}, nil
	}
	if err != nil {
		return Row{}, fmt.Errorf("read delivery of %s to %s: %w", a, endpoint, err)
	}
	return parse(item), nil
}

// change applies a change to a row until no other write comes between. A change that returns false
// leaves the row as it is.
func (s *Store) change(ctx context.Context, endpoint string, a event.Account, change func(*Row) (bool, error)) (Row, error) {
	for range writes {
		row, err := s.get(ctx, endpoint, a)
		if err != nil {
			return Row{}, err
		}
		changed, err := change(&row)
		if err != nil || !changed {
			return row, err
		}
		err = s.table.Put(ctx, row.put())
		if err == nil {
			return row, nil
		}
		if !errors.Is(err, table.ErrConditionFailed) {
			return Row{}, fmt.Errorf("write delivery of %s to %s: %w", a, endpoint, err)
		}
	}
	return Row{}, fmt.Errorf("write delivery of %s to %s: others wrote it %d times", a, endpoint, writes)
}

// raise notes that an entry is to be sent, by the version rule: one that was seen before changes
// nothing. What was recorded before the endpoint's time is not sent. It reports whether there is
// something to send now.
func (s *Store) raise(ctx context.Context, e *webhook.Endpoint, entry *event.Entry) (due bool, err error) {
	if entry.RecordedAt.Before(e.Since) {
		return false, nil
	}
	a := event.Account{Tenant: entry.Tenant, ID: entry.AccountID}
	row, err := s.change(ctx, e.ID, a, func(row *Row) (bool, error) {
		if row.Seen >= entry.Last {
			return false, nil
		}
		if row.Rev == 0 {
			before, err := s.before(ctx, e, entry)
			if err != nil {
				return false, err
			}
			row.Next = before + 1
		}
		row.Seen = entry.Last
		if row.State != Dead {
			row.settle(s.now())
		}
		return true, nil
	})
	return row.State == Pending && !row.At.After(s.now()), err
}

// before returns the last version of an entry's account that was recorded before the endpoint's
// time. An older entry may come later on the stream, so the journal is asked.
func (s *Store) before(ctx context.Context, e *webhook.Endpoint, entry *event.Entry) (int64, error) {
	if entry.First == 1 || e.Since.IsZero() {
		return 0, nil
	}
	version, err := s.journal.VersionAt(ctx, event.Account{Tenant: entry.Tenant, ID: entry.AccountID}, e.Since.Add(-time.Microsecond))
	if err != nil {
		return 0, fmt.Errorf("find what webhook %s begins with: %w", e.ID, err)
	}
	return version, nil
}

// due returns up to limit accounts of an endpoint whose next attempt is due at a time, in that
// order, after a place in the list of this time; next is empty at its end.
func (s *Store) due(ctx context.Context, endpoint string, at time.Time, after string, limit int) (accounts []event.Account, next string, err error) {
	page, err := s.table.Query(ctx, table.Query{
		Table: Table, Index: indexState, PK: listed(endpoint, Pending), To: table.N(at.UnixMilli()), After: after, Limit: limit,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list what is due to %s: %w", endpoint, err)
	}
	for _, row := range page.Rows {
		if _, a, ok := parseKey(row.PK); ok {
			accounts = append(accounts, a)
		}
	}
	return accounts, page.After, nil
}

// Page returns a page of an endpoint's rows of a state, in the order of their times, after a place
// in the list; next is empty at its end. The list is eventually consistent; the rows are as they
// are.
func (s *Store) Page(ctx context.Context, endpoint string, state State, after string, limit int) (rows []Row, next string, err error) {
	page, err := s.table.Query(ctx, table.Query{Table: Table, Index: indexState, PK: listed(endpoint, state), After: after, Limit: limit})
	if err != nil {
		return nil, "", fmt.Errorf("list the deliveries to %s: %w", endpoint, err)
	}
	for _, item := range page.Rows {
		_, a, ok := parseKey(item.PK)
		if !ok {
			continue
		}
		row, err := s.get(ctx, endpoint, a)
		if err != nil {
			return nil, "", err
		}
		if row.Rev > 0 {
			rows = append(rows, row)
		}
	}
	return rows, page.After, nil
}

// ErrNoDelivery: nothing was ever to be sent of the account to the endpoint.
var ErrNoDelivery = errors.New("delivery: the endpoint has nothing of the account")

// Replay has an account's events sent from a version on, or from the one that is next where from is
// 0, at once.
func (s *Store) Replay(ctx context.Context, endpoint string, a event.Account, from int64) (Row, error) {
	return s.change(ctx, endpoint, a, func(row *Row) (bool, error) {
		if row.Rev == 0 || from > row.Seen {
			return false, fmt.Errorf("%w: %s", ErrNoDelivery, a)
		}
		if from > 0 {
			row.Next = from
		}
		now := s.now()
		row.Attempts, row.FailedAt, row.Replays = 0, time.Time{}, row.Replays+1
		row.State = Pending
		row.settle(now)
		row.At = now
		return true, nil
	})
}
