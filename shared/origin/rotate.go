package origin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

// Rotated is the data key that new entries are signed with.
type Rotated struct {
	Bank string `json:"bank"`
	// Key is its id, and Since when it was made. Every writer signs with it SignedWithin after the
	// rotation.
	Key   int       `json:"key"`
	Since time.Time `json:"since"`
}

// SignedWithin is how long after a rotation the last writer signs with the new key, unless it
// cannot read the bank's row.
const SignedWithin = pollEvery + settleFor + pollEvery

// Rotate makes a new data key, copies it into the bucket, and names it in the bank's row, which
// writers read every second. Entries under the keys before stay valid, and those keys are kept.
// What was interrupted is continued by the next call.
func Rotate(ctx context.Context, t table.Table, b bucket.Bucket, w keywrap.Wrapper) (Rotated, error) {
	bank, err := ReadBank(ctx, t)
	if err == nil {
		err = bank.canRotate()
	}
	if err != nil {
		return Rotated{}, err
	}
	keys, err := tableKeys(ctx, t, bank.ID)
	if err != nil {
		return Rotated{}, err
	}
	if _, err := unwrap(ctx, w, bank.ID, keys); err != nil { // the new key must not be the only one that can be used
		return Rotated{}, err
	}
	if err := bank.checkNext(ctx, t, b); err != nil {
		return Rotated{}, err
	}
	k, err := NewKey(ctx, t, w, bank.ID, bank.Key+1)
	if err != nil {
		return Rotated{}, err
	}
	if err := CopyKeys(ctx, t, b, bank.ID, k.ID); err != nil {
		return Rotated{}, err
	}
	now := bank
	now.Key = k.ID
	err = WriteBank(ctx, t, bank, now)
	if errors.Is(err, table.ErrConditionFailed) {
		err = fmt.Errorf("another program changed the bank's row: run the same command again: %w", err)
	}
	return Rotated{Bank: bank.ID, Key: k.ID, Since: k.Since}, err
}

// canRotate returns a Refusal unless every entry of the bank is signed from now on.
func (b Bank) canRotate() error {
	switch {
	case b.ID == "":
		return &Refusal{What: "these tables belong to no bank yet", Next: "start the bank, or run: bank resources --store aws; either makes the first key"}
	case b.Format < 2:
		return &Refusal{What: fmt.Sprintf("bank %s writes entries of format %d, which are not signed: it has no key", b.ID, b.Format), Next: "bank upgrade switches it to signed entries"}
	case b.Switching():
		return &Refusal{What: fmt.Sprintf("bank %s is being switched to entries of format %d", b.ID, b.Format), Next: "complete that first: bank upgrade --yes"}
	}
	return b.CheckFormat(event.Format)
}

// checkNext returns a Refusal if the bucket has another copy of the next data key than the control
// table. Then nothing was changed yet.
func (b Bank) checkNext(ctx context.Context, t table.Table, in bucket.Bucket) error {
	id := b.Key + 1
	there, err := readCopy(ctx, in, b.ID, copyKey(id))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	if err != nil && !errors.Is(err, errNoCopy) {
		return err
	}
	known, failed := readKey(ctx, t, b.ID, id)
	if failed != nil || err == nil && known.ID != 0 && string(known.Wrapped) == string(there.Wrapped) {
		return failed
	}
	return &Refusal{
		What: fmt.Sprintf("the bucket has %s already, and it is not the data key %d of the control table", copyKey(id), id),
		Next: "if nobody of this bank wrote the object, remove it; if the control table was restored from an older copy, replay journal brings its keys up to the archive",
	}
}

// CheckCurrent returns a Refusal if the control table is an older copy than the archive, from
// before a rotation: the bucket has the next data key, and the table does not. What was signed with
// it would be foreign.
func (b Bank) CheckCurrent(ctx context.Context, t table.Table, in bucket.Bucket, w keywrap.Wrapper) error {
	id := b.Key + 1
	there, err := readCopy(ctx, in, b.ID, copyKey(id))
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, errNoCopy) {
		return nil
	}
	var known WrappedKey
	if err == nil {
		known, err = readKey(ctx, t, b.ID, id)
	}
	if err == nil && known.ID == 0 {
		_, err = w.Unwrap(ctx, b.ID, there.Wrapped)
	}
	switch {
	case errors.Is(err, keywrap.ErrRefused): // nobody of this bank wrapped it
		return nil
	case err != nil || known.ID != 0: // a rotation that was interrupted
		return err
	}
	return &Refusal{
		What: fmt.Sprintf("the control table is an older copy than the archive: it lacks data key %d", id),
		Next: "replay journal restores the keys from the archive",
	}
}
