package origin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

// FirstKey is the id of a bank's first data key.
const FirstKey = 1

// NewBank writes the row of a bank that begins, with its first data key and an empty manifest of
// heads: it accepts no entry of format 1. Row and key are written together, so that a bank has both
// or neither. It fails with table.ErrConditionFailed if there is a row or a key already.
func NewBank(ctx context.Context, t table.Table, b bucket.Bucket, w keywrap.Wrapper, id string) error {
	plain := make([]byte, event.KeyBytes)
	_, _ = rand.Read(plain) // it never fails
	wrapped, err := w.Wrap(ctx, id, plain)
	if err != nil {
		return fmt.Errorf("make the bank's first data key: %w", err)
	}
	keys, err := event.NewKeyring(id, map[int][]byte{FirstKey: plain})
	if err != nil {
		return fmt.Errorf("make the bank's first data key: %w", err)
	}
	heads, err := NewManifest(b, id, event.Format, keys).Close(ctx)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	bank := Bank{ID: id, Since: now, Format: event.Format, Heads: heads, Key: FirstKey, KeySince: now}
	key := WrappedKey{Wrapped: wrapped, Since: now}
	puts := []table.Put{
		control.Bank(t).Create(control.BankKey, bank.attrs(1)),
		control.Keys(t).Create(strconv.Itoa(FirstKey), key.attrs()),
	}
	if err := t.Transact(ctx, puts); err != nil {
		return fmt.Errorf("write the bank's row: %w", err)
	}
	return nil
}

// BucketBank returns the id of the bank whose data keys the bucket has copies of, "" for none.
func BucketBank(ctx context.Context, b bucket.Bucket) (string, error) {
	k, err := readCopy(ctx, b, "", copyKey(FirstKey))
	if errors.Is(err, bucket.ErrNotFound) {
		return "", nil
	}
	return k.Bank, err
}

// Recover returns the bank's row as the copies of its keys and its newest manifest in the bucket
// have it, for tables that were lost or restored from an older copy. It is zero where the bucket
// has no key of the bank: then the bank was never switched. Where it has keys and nothing under
// heads/, the bank is switching. A manifest that is there and does not verify is a Refusal: without
// it every entry without a mac would be accepted.
func Recover(ctx context.Context, b bucket.Bucket, w keywrap.Wrapper, id string) (Bank, error) {
	copies, err := bucketKeys(ctx, b, id)
	if err != nil || len(copies) == 0 {
		return Bank{}, err
	}
	keys, err := keyring(ctx, w, id, copies)
	if err != nil {
		return Bank{}, err
	}
	bank := Bank{ID: id, Since: time.Now().UTC(), Format: event.Format, Key: keys.Newest()}
	heads, err := NewestHeads(ctx, b, id, keys)
	if err != nil {
		return Bank{}, err
	}
	if heads != nil {
		bank.Format, bank.Heads = heads.m.Entries, heads.sum
	}
	return bank, bank.CheckFormat(event.Format)
}

// Restore writes the bank's row as Recover has it, with its keys, over a row that was read. It
// writes nothing that the row or the table already has.
func Restore(ctx context.Context, t table.Table, b bucket.Bucket, was, known Bank) error {
	if known.ID == "" {
		return nil
	}
	if err := RestoreKeys(ctx, t, b, known.ID); err != nil {
		return err
	}
	now := known
	if was.ID != "" {
		now.Since, now.KeySince = was.Since, was.KeySince
	}
	now.Format, now.Key = max(now.Format, was.Format), max(now.Key, was.Key)
	if now.Heads == "" {
		now.Heads = was.Heads
	}
	if now.rev = was.rev; now == was {
		return nil
	}
	return WriteBank(ctx, t, was, now)
}
