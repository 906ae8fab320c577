package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/table"
)

const (
	// MaxKeys is the most keys of a bank: every process has all of them in memory.
	MaxKeys = 10_000
	// keepEnded is how long a key that was revoked or has expired is kept, for those who ask whose
	// an actor was. The next key that is made removes older ones.
	keepEnded = 400 * 24 * time.Hour
	// attempts bounds how often a change is tried, against others that change keys at that time and
	// answers that are lost.
	attempts = 8
)

var (
	// ErrUnknown: no key has the id.
	ErrUnknown = errors.New("there is no such key")
	// ErrTooMany: the bank has MaxKeys already.
	ErrTooMany = errors.New("too many keys")
)

// listing is all rows of keys as they were read.
type listing struct {
	changes int64 // how often keys were changed when the first row was read
	keys    []Key
	damaged []error // of rows that cannot be read
}

// read reads all keys.
func read(ctx context.Context, t table.Table) (listing, error) {
	var all listing
	for row, err := range control.APIKeys(t).List(ctx) {
		if err != nil {
			return listing{}, fmt.Errorf("read API keys: %w", err)
		}
		if row.SK == control.ChangesKey {
			all.changes = row.Attrs.Number("rev")
			continue
		}
		k, err := parseRow(row)
		if err != nil {
			all.damaged = append(all.damaged, err)
			continue
		}
		all.keys = append(all.keys, k)
	}
	return all, nil
}

// find returns the key with an id.
func (l listing) find(id string) (Key, bool) {
	for _, k := range l.keys {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

// List returns all keys in the order of their ids, and an error that names the rows that cannot be
// read beside them.
func List(ctx context.Context, t table.Table) ([]Key, error) {
	all, err := read(ctx, table.WithTimeout(t, patientTimeout))
	if err != nil {
		return nil, err
	}
	return all.keys, errors.Join(all.damaged...)
}

// Never reports whether the bank never had a key.
func Never(ctx context.Context, t table.Table) (bool, error) {
	_, err := control.APIKeys(table.WithTimeout(t, patientTimeout)).Get(ctx, control.ChangesKey)
	if errors.Is(err, table.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read whether there are API keys: %w", err)
	}
	return false, nil
}

// Create makes a key, which Check found nothing wrong with. It removes keys that ended long ago. An
// error other than ErrTooMany leaves the outcome unknown; then a key may be listed whose secret
// nobody has.
func Create(ctx context.Context, t table.Table, k Key) (Key, error) {
	k.Created, k.Expires = k.Created.UTC().Truncate(time.Microsecond), k.Expires.UTC().Truncate(time.Microsecond)
	err := change(ctx, t, func(all listing) (*table.Put, error) {
		if there, ok := all.find(k.ID); ok {
			if there.Sum != k.Sum {
				return nil, fmt.Errorf("another key has the id %s: make one again", k.ID)
			}
			return nil, nil // the answer to the attempt before was lost
		}
		kept, err := forget(ctx, table.WithTimeout(t, patientTimeout), all.keys, k.Created)
		if err != nil {
			return nil, err
		}
		if kept+len(all.damaged) >= MaxKeys {
			return nil, fmt.Errorf("%w: the bank has %d, revoked ones of the last %d days included; a key may be used by several processes of one caller",
				ErrTooMany, MaxKeys, keepEnded/(24*time.Hour))
		}
		put := control.APIKeys(t).Create(k.ID, k.attrs())
		return &put, nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("make an API key: %w", err)
	}
	return k, nil
}

// forget removes the keys that ended more than keepEnded before a time and returns how many are
// left. A process that still has one in memory refuses it as it would an unknown one.
func forget(ctx context.Context, t table.Table, keys []Key, at time.Time) (left int, err error) {
	rows := control.APIKeys(t)
	for _, k := range keys {
		ended, ok := k.Ended(at)
		if !ok || at.Sub(ended) <= keepEnded {
			left++
			continue
		}
		if err := rows.Delete(ctx, k.ID, k.attrs()["rev"]); err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return 0, fmt.Errorf("remove API key %s, which ended on %s: %w", k.ID, ended.Format(time.DateOnly), err)
		}
	}
	return left, nil
}

// Revoke ends a key at a time and returns it. A key that was revoked before stays as it is. It
// fails with ErrUnknown if there is no such key.
func Revoke(ctx context.Context, t table.Table, id string, at time.Time) (revoked Key, err error) {
	err = change(ctx, t, func(all listing) (*table.Put, error) {
		k, ok := all.find(id)
		if !ok {
			return nil, errors.Join(append(all.damaged, fmt.Errorf("%w: %.64q", ErrUnknown, id))...)
		}
		if revoked = k; !k.Revoked.IsZero() {
			return nil, nil
		}
		was := k.attrs()["rev"]
		revoked.Revoked = at.UTC().Truncate(time.Microsecond)
		put := control.APIKeys(t).Over(id, revoked.attrs(), was)
		return &put, nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("revoke API key %.64q: %w", id, err)
	}
	return revoked, nil
}

// change writes the row that plan returns, together with the count of changes, until it is known to
// be written. plan gets all keys as they are, before each attempt, and returns no row when there is
// nothing to write.
func change(ctx context.Context, t table.Table, plan func(listing) (*table.Put, error)) error {
	t = table.WithTimeout(t, patientTimeout)
	pause := backoff.Backoff{First: 20 * time.Millisecond, Most: time.Second}
	for tried := 1; ; tried++ {
		all, err := read(ctx, t)
		if err == nil {
			put, wrong := plan(all)
			if wrong != nil || put == nil {
				return wrong
			}
			count := control.APIKeys(t).Over(control.ChangesKey, table.Map{"rev": table.N(all.changes + 1)}, control.Revision(all.changes))
			err = t.Transact(ctx, []table.Put{*put, count})
		}
		if err == nil || tried == attempts || errors.Is(err, table.ErrRefused) || errors.Is(err, table.ErrInvalid) {
			return err
		}
		if failed := pause.Pause(ctx); failed != nil {
			return errors.Join(err, failed)
		}
	}
}
