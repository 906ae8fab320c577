package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
)

// Reader reads accounts' histories. Every read is consistent. It keeps nothing in memory and is
// safe for concurrent use.
type Reader struct {
	table       table.Table
	stateFaults stateFaults
}

// NewReader returns a Reader of the journal in t.
func NewReader(t table.Table) *Reader { return &Reader{table: t, stateFaults: newStateFaults()} }

// Head is the newest state of an account. State.Version is its head, and 0 when there is no such
// account.
type Head struct {
	State account.State
	// Hash is that of the newest entry, zero when there is none.
	Hash event.Hash
}

// Head returns the newest state of an account. It reads back to the newest usable state in an
// entry, and folds the events after it.
func (r *Reader) Head(ctx context.Context, a event.Account) (Head, error) {
	s, newest, err := r.load(ctx, a, 0)
	if err != nil || newest == nil {
		return Head{}, err
	}
	return Head{State: s, Hash: newest.Hash}, nil
}

// StateAt returns the account as its event of that version left it, and ErrNoEvent beyond the head.
func (r *Reader) StateAt(ctx context.Context, a event.Account, version int64) (account.State, error) {
	if version < 1 {
		return account.State{}, ErrNoEvent
	}
	s, newest, err := r.load(ctx, a, version)
	if err != nil {
		return account.State{}, err
	}
	if newest == nil || newest.Last < version {
		return account.State{}, fmt.Errorf("state of %s at v%d: %w", a, version, ErrNoEvent)
	}
	return s, nil
}

// Entries yields, in version order, the entries that overlap versions from..to. With to 0 it ends
// at the head, as it is by then.
func (r *Reader) Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		q, err := r.overlapping(ctx, a, from, to)
		if err != nil {
			yield(nil, err)
			return
		}
		r.walk(ctx, q, func(e *event.Entry, err error) bool {
			return err == nil && e.Last < from || yield(e, err)
		})
	}
}

// Rows yields what Entries does, as rows of the table, for package outline. The first may have only
// older versions.
func (r *Reader) Rows(ctx context.Context, a event.Account, from, to int64) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		q, err := r.overlapping(ctx, a, from, to)
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		q.Limit = maxPage
		r.rows(ctx, q, yield)
	}
}

// overlapping returns the query of the entries that overlap versions from..to.
func (r *Reader) overlapping(ctx context.Context, a event.Account, from, to int64) (table.Query, error) {
	start, err := r.entryStart(ctx, a, from)
	q := table.Query{Table: Table, PK: a.String(), From: table.S(start), To: table.S(rowkey.LastEntry), Limit: firstPage, Consistent: true}
	if to != 0 {
		q.To = table.S(rowkey.EntrySK(to))
	}
	return q, err
}

// begun yields, in version order, the entries whose first version is in from..to.
func (r *Reader) begun(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		r.walk(ctx, table.Query{
			Table: Table, PK: a.String(), From: table.S(rowkey.EntrySK(from)), To: table.S(rowkey.EntrySK(to)), Limit: maxPage, Consistent: true,
		}, yield)
	}
}

// entryStart returns the sort key of the entry that has the version, so that a walk can start in
// the middle of an entry.
func (r *Reader) entryStart(ctx context.Context, a event.Account, version int64) (string, error) {
	if version <= 1 {
		return rowkey.FirstEntry, nil
	}
	q := table.Query{Table: Table, PK: a.String(), From: table.S(rowkey.FirstEntry), To: table.S(rowkey.EntrySK(version)), Desc: true, Limit: 1, Consistent: true}
	page, err := r.table.Query(ctx, q)
	if err != nil {
		return "", fmt.Errorf("find entry of %s v%d: %w", a, version, err)
	}
	if len(page.Rows) == 0 {
		return rowkey.FirstEntry, nil
	}
	return page.Rows[0].SK, nil
}

// Backward yields entries newest first, from the one that has version from (0: the head) down to
// version 1.
func (r *Reader) Backward(ctx context.Context, a event.Account, from int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		q := table.Query{Table: Table, PK: a.String(), From: table.S(rowkey.FirstEntry), To: table.S(rowkey.LastEntry), Desc: true, Limit: 1, Consistent: true}
		if from != 0 {
			q.To = table.S(rowkey.EntrySK(from))
		}
		r.walk(ctx, q, yield)
	}
}

// The limits of a walk's pages. Most walks need few entries, and some need all: the first page is
// small, and each is four times the one before.
const (
	firstPage = 64
	maxPage   = 1024
)

// walk yields every entry of a query.
func (r *Reader) walk(ctx context.Context, q table.Query, yield func(*event.Entry, error) bool) {
	r.rows(ctx, q, func(row table.Row, err error) bool {
		var e *event.Entry
		if err == nil {
			e, err = rowkey.Parse(row)
		}
		return yield(e, err) && err == nil
	})
}

// rows yields every row of a query, page by page.
func (r *Reader) rows(ctx context.Context, q table.Query, yield func(table.Row, error) bool) {
	for {
		page, err := r.table.Query(ctx, q)
		if err != nil {
			yield(table.Row{}, fmt.Errorf("read journal of %s: %w", q.PK, err))
			return
		}
		for _, row := range page.Rows {
			if !yield(row, nil) {
				return
			}
		}
		if q.After = page.After; q.After == "" {
			return
		}
		q.Limit = min(q.Limit*4, maxPage)
	}
}

// Entry returns the entry that has the account's event of that version, or ErrNoEvent.
func (r *Reader) Entry(ctx context.Context, a event.Account, version int64) (*event.Entry, error) {
	for e, err := range r.Backward(ctx, a, version) {
		if err != nil {
			return nil, err
		}
		if e.Last < version {
			break
		}
		return e, nil
	}
	return nil, fmt.Errorf("event %s: %w", a.EventID(version), ErrNoEvent)
}

// Event returns the account's event of that version and the entry that has it, or ErrNoEvent.
func (r *Reader) Event(ctx context.Context, a event.Account, version int64) (event.Event, *event.Entry, error) {
	if version < 1 {
		return event.Event{}, nil, ErrNoEvent
	}
	e, err := r.Entry(ctx, a, version)
	if err != nil {
		return event.Event{}, nil, err
	}
	return e.Events[version-e.First], e, nil
}

// VersionAt returns the last version recorded at or before t, 0 when there is none. recorded_at
// never goes back within an account, so it can search by halves.
func (r *Reader) VersionAt(ctx context.Context, a event.Account, t time.Time) (int64, error) {
	newest, err := r.newest(ctx, a)
	if err != nil || newest == nil {
		return 0, err
	}
	if !newest.RecordedAt.After(t) {
		return newest.Last, nil
	}
	// The answer is in low..high; low is the last version of an entry at or before t.
	low, high := int64(0), newest.First-1
	for low < high {
		e, err := r.Entry(ctx, a, low+(high-low+1)/2)
		if err != nil {
			return 0, err
		}
		if e.RecordedAt.After(t) {
			high = e.First - 1
		} else {
			low = e.Last
		}
	}
	return low, nil
}

// newest returns the account's last entry, nil when it has none.
func (r *Reader) newest(ctx context.Context, a event.Account) (*event.Entry, error) {
	for e, err := range r.Backward(ctx, a, 0) {
		return e, err
	}
	return nil, nil
}

// Reversed reports whether that version was reversed: whether its guard is there.
func (r *Reader) Reversed(ctx context.Context, a event.Account, version int64) (bool, error) {
	_, err := r.table.Get(ctx, Table, rowkey.Guard(a, version), true)
	if errors.Is(err, table.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read guard of %s: %w", a.EventID(version), err)
	}
	return true, nil
}

// Accounts returns a page of the accounts in a hash bucket, one of event.HashBuckets. It reads the
// eventually consistent index, so an account may be missing for a moment after it was opened. next
// is empty at the end.
func (r *Reader) Accounts(ctx context.Context, bucket byte, after string) (accounts []event.Account, next string, err error) {
	page, err := r.table.Query(ctx, table.Query{Table: Table, Index: IndexAccounts, PK: string(bucket), After: after, Limit: 1000})
	if err != nil {
		return nil, "", fmt.Errorf("list accounts of hash bucket %c: %w", bucket, err)
	}
	for _, row := range page.Rows {
		if a, ok := event.ParseAccount(row.PK); ok {
			accounts = append(accounts, a)
		}
	}
	return accounts, page.After, nil
}

// Empty reports whether the journal has no account. Like Accounts it may miss one that was opened a
// moment ago.
func (r *Reader) Empty(ctx context.Context) (bool, error) {
	for _, bucket := range []byte(event.HashBuckets) {
		page, err := r.table.Query(ctx, table.Query{Table: Table, Index: IndexAccounts, PK: string(bucket), Limit: 1})
		if err != nil {
			return false, fmt.Errorf("look for accounts of hash bucket %c: %w", bucket, err)
		}
		if len(page.Rows) > 0 {
			return false, nil
		}
	}
	return true, nil
}
