package quarantined

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

const (
	// keptBytes bounds the bytes of a record that quarantine keeps: a row has at most 400 KB, with
	// its other attributes.
	keptBytes = 350 << 10
	// causeBytes bounds the cause in a row.
	causeBytes = 1000
)

// Item is an account, or a record that names none, that a consumer cannot process.
type Item struct {
	// ID is the account's partition key, or "<stream>#<shard>#<sequence>" of a record that cannot
	// be decoded.
	ID string
	// Account is set for an account.
	Account event.Account
	// Version is the event that could not be folded.
	Version int64
	Cause   string
	At      time.Time
	// Stream, Shard and Sequence are where the record was read, empty when it came from the
	// journal. Data is its bytes, up to 350 KB of Size.
	Stream, Shard, Sequence string
	Data                    []byte
	Size                    int64
}

func (q Item) attrs() table.Map {
	return table.Map{
		"id": table.S(q.ID), "version": table.N(q.Version), "cause": table.S(q.Cause), "at": table.Time(time.Now()),
		"stream": table.S(q.Stream), "shard": table.S(q.Shard), "sequence": table.S(q.Sequence),
		"data": table.B(q.Data[:min(len(q.Data), keptBytes)]), "size": table.N(len(q.Data)),
		"tenant": table.S(q.Account.Tenant), "account_id": table.S(q.Account.ID),
	}
}

func parse(r table.Row) Item {
	a := r.Attrs
	q := Item{
		ID: r.SK, Version: a.Number("version"), Cause: a.Text("cause"), At: a.Time("at"),
		Stream: a.Text("stream"), Shard: a.Text("shard"), Sequence: a.Text("sequence"), Data: a.Bytes("data"), Size: a.Number("size"),
	}
	if a.Text("account_id") != "" {
		q.Account = event.Account{Tenant: a.Text("tenant"), ID: a.Text("account_id")}
	}
	return q
}

// Cause returns an error as a row keeps it.
func Cause(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), causeBytes)], "")
}

// Page returns a page of what a consumer has in quarantine; next is empty at the end.
func Page(ctx context.Context, t table.Table, name, after string) (list []Item, next string, err error) {
	page, err := control.Quarantine(t, name).Page(ctx, after)
	if err != nil {
		return nil, "", err
	}
	for _, row := range page.Rows {
		list = append(list, parse(row))
	}
	return list, page.After, nil
}

// Of returns up to so many of a tenant's accounts that a consumer has in quarantine.
func Of(ctx context.Context, t table.Table, name, tenant string, most int) (list []Item, err error) {
	for row, err := range control.Quarantine(t, name).Under(ctx, event.Account{Tenant: tenant}.String()) {
		if err != nil || len(list) == most {
			return list, err
		}
		// a stream may have the name of a tenant, and its records that name no account come here
		// too
		if q := parse(row); q.Account.Tenant == tenant {
			list = append(list, q)
		}
	}
	return list, nil
}

// All returns everything that a consumer has in quarantine.
func All(ctx context.Context, t table.Table, name string) ([]Item, error) {
	var all []Item
	for row, err := range control.Quarantine(t, name).List(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, parse(row))
	}
	return all, nil
}

// ReleaseRecord removes a record that names no account from quarantine, and returns it; it returns
// the zero Item if the record is not there. An account leaves quarantine by Redrive.
func ReleaseRecord(ctx context.Context, t table.Table, name, id string) (Item, error) {
	row, err := control.Quarantine(t, name).Get(ctx, id)
	if errors.Is(err, table.ErrNotFound) {
		return Item{}, nil
	}
	if err != nil {
		return Item{}, fmt.Errorf("read %s in quarantine: %w", id, err)
	}
	q := parse(row)
	if q.Account != (event.Account{}) {
		return q, fmt.Errorf("release %s: it is an account, which only a redrive releases", id)
	}
	return q, Release(ctx, t, name, id)
}

// Add puts an account or a record into quarantine, and reports whether it was not there
// yet. What is there is kept, as the first evidence.
func Add(ctx context.Context, t table.Table, name string, q Item) (added bool, err error) {
	err = control.Quarantine(t, name).Put(ctx, q.ID, q.attrs(), nil)
	if errors.Is(err, table.ErrConditionFailed) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("put %s into quarantine: %w", q.ID, err)
	}
	return true, nil
}

// Replace puts an account into quarantine, over what is there of another version or
// cause.
func Replace(ctx context.Context, t table.Table, name string, q Item) error {
	rows := control.Quarantine(t, name)
	kept, err := rows.Get(ctx, q.ID)
	switch {
	case errors.Is(err, table.ErrNotFound):
		_, err = Add(ctx, t, name, q)
		return err
	case err != nil:
		return fmt.Errorf("read %s in quarantine: %w", q.ID, err)
	}
	if k := parse(kept); k.Version == q.Version && k.Cause == q.Cause {
		return nil
	}
	err = rows.Put(ctx, q.ID, q.attrs(), table.S(q.ID))
	if errors.Is(err, table.ErrConditionFailed) {
		_, err = Add(ctx, t, name, q)
		return err
	}
	if err != nil {
		return fmt.Errorf("put %s into quarantine: %w", q.ID, err)
	}
	return nil
}

// Release removes an account or a record from quarantine.
func Release(ctx context.Context, t table.Table, name, id string) error {
	err := control.Quarantine(t, name).Delete(ctx, id, table.S(id))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("release %s from quarantine: %w", id, err)
	}
	return nil
}
