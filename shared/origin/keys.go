package origin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

const (
	// keysDir begins the keys of the copies of data keys in the bucket.
	keysDir = "keys/v1/"
	// copyFormat is the format of a copy, and maxCopy bounds its length.
	copyFormat = 1
	maxCopy    = 16 << 10
	// maxKeys bounds the data keys of a bank: more than one a day for ten years.
	maxKeys = 4096
)

// WrappedKey is a data key as it is stored. Its JSON is a copy in the bucket.
type WrappedKey struct {
	Format int    `json:"format"`
	Bank   string `json:"bank"`
	// ID is 1 for the bank's first key, and one more for each that follows.
	ID      int       `json:"id"`
	Wrapped []byte    `json:"wrapped"`
	Since   time.Time `json:"since"`
}

// NewKey makes the bank's data key of an id, or returns the one that is there: a caller that died
// after it made the key repeats the call.
func NewKey(ctx context.Context, t table.Table, w keywrap.Wrapper, bank string, id int) (WrappedKey, error) {
	known, err := readKey(ctx, t, bank, id)
	if err == nil && known.ID != 0 {
		_, err = w.Unwrap(ctx, bank, known.Wrapped) // it must be of use
	}
	if err != nil || known.ID != 0 {
		return known, err
	}
	if id < 1 || id > maxKeys {
		return WrappedKey{}, fmt.Errorf("make data key %d: a bank has at most %d", id, maxKeys)
	}
	plain := make([]byte, event.KeyBytes)
	_, _ = rand.Read(plain) // it never fails
	wrapped, err := w.Wrap(ctx, bank, plain)
	if err != nil {
		return WrappedKey{}, fmt.Errorf("make data key %d: %w", id, err)
	}
	k := WrappedKey{Format: copyFormat, Bank: bank, ID: id, Wrapped: wrapped, Since: time.Now().UTC().Truncate(time.Microsecond)}
	err = writeKey(ctx, t, k)
	if errors.Is(err, table.ErrConditionFailed) { // another program was first
		return readKey(ctx, t, bank, id)
	}
	return k, err
}

// readKey reads the row of a data key; the key is zero where there is none.
func readKey(ctx context.Context, t table.Table, bank string, id int) (WrappedKey, error) {
	row, err := control.Keys(t).Get(ctx, strconv.Itoa(id))
	if errors.Is(err, table.ErrNotFound) {
		return WrappedKey{}, nil
	}
	if err != nil {
		return WrappedKey{}, fmt.Errorf("read data key %d: %w", id, err)
	}
	return parseKey(bank, row)
}

// writeKey writes the row of a data key, where there is none.
func writeKey(ctx context.Context, t table.Table, k WrappedKey) error {
	if err := control.Keys(t).Put(ctx, strconv.Itoa(k.ID), k.attrs(), nil); err != nil {
		return fmt.Errorf("write data key %d: %w", k.ID, err)
	}
	return nil
}

// attrs returns the attributes of a data key's row.
func (k WrappedKey) attrs() table.Map {
	return table.Map{"wrapped": table.B(k.Wrapped), "since": table.Time(k.Since)}
}

// parseKey reads the row of a data key of a bank.
func parseKey(bank string, row table.Row) (WrappedKey, error) {
	r := table.NewReader(row.Attrs)
	k := WrappedKey{Format: copyFormat, Bank: bank, Wrapped: r.Bytes("wrapped"), Since: r.Time("since")}
	id, err := strconv.Atoi(row.SK)
	if bad := r.Bad(); bad != "" || err != nil || id < 1 || id > maxKeys {
		return k, fmt.Errorf("the row %s / %s of the control table is no data key: attribute %q: restore the row", row.PK, row.SK, bad)
	}
	k.ID = id
	return k, nil
}

// tableKeys reads the data keys of the bank from the control table.
func tableKeys(ctx context.Context, t table.Table, bank string) (keys []WrappedKey, err error) {
	for row, err := range control.Keys(t).List(ctx) {
		if err != nil {
			return nil, err
		}
		k, err := parseKey(bank, row)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// errNoCopy: an object is no copy of a data key of the bank.
var errNoCopy = errors.New("it is no copy of a data key of this bank: put back the object as it was first written, or remove it if nobody of this bank wrote it")

// bucketKeys reads the copies of the bank's data keys from the bucket. Those who may create objects
// can put anything beside them: it is left out, unless nothing else is there.
func bucketKeys(ctx context.Context, b bucket.Bucket, bank string) (keys []WrappedKey, err error) {
	var damaged error
	seen := 0
	for after, more := "", true; more; {
		page, err := b.List(ctx, keysDir, after)
		if err != nil {
			return nil, fmt.Errorf("list the data keys in the bucket: %w", err)
		}
		for _, object := range page.Objects {
			k, err := readCopy(ctx, b, bank, object.Key)
			switch {
			case errors.Is(err, errNoCopy):
				damaged = errors.Join(damaged, err)
			case err != nil:
				return nil, err
			default:
				keys = append(keys, k)
			}
			if seen++; seen > maxKeys {
				return nil, fmt.Errorf("the bucket has more than %d objects under %s: remove those that nobody of this bank wrote", maxKeys, keysDir)
			}
		}
		after, more = page.After, page.After != ""
	}
	if len(keys) == 0 {
		return nil, damaged
	}
	return keys, nil
}

// copyKey returns the key of a data key's copy in the bucket.
func copyKey(id int) string { return keysDir + strconv.Itoa(id) + ".json" }

// readCopy reads a data key's copy in the bucket; bank is "" where any bank's will do.
func readCopy(ctx context.Context, b bucket.Bucket, bank, key string) (k WrappedKey, err error) {
	object, err := b.Open(ctx, key)
	if err != nil {
		return k, fmt.Errorf("read %s: %w", key, err)
	}
	defer object.Close()
	text, err := io.ReadAll(io.NewSectionReader(object, 0, maxCopy))
	if err != nil {
		return k, fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(text, &k); err != nil || k.ID < 1 || k.ID > maxKeys || copyKey(k.ID) != key {
		return k, fmt.Errorf("read %s in the bucket: %w", key, errNoCopy)
	}
	if k.Format > copyFormat {
		return k, &Refusal{What: fmt.Sprintf("%s in the bucket has format %d, but this program reads up to %d", key, k.Format, copyFormat), Next: "use a newer program"}
	}
	if bank != "" && k.Bank != bank {
		return k, fmt.Errorf("read %s in the bucket: a data key of bank %s, and this bank is %s: %w", key, k.Bank, bank, errNoCopy)
	}
	return k, nil
}

// CopyKeys copies the data keys of the control table, up to an id, that the bucket lacks into it,
// so that an archive that lost its tables can still be checked.
func CopyKeys(ctx context.Context, t table.Table, b bucket.Bucket, bank string, upTo int) error {
	keys, err := tableKeys(ctx, t, bank)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID > upTo { // not in use
			continue
		}
		text, err := json.Marshal(k)
		if err != nil {
			return fmt.Errorf("copy data key %d: %w", k.ID, err)
		}
		err = b.Create(ctx, copyKey(k.ID), append(text, '\n'))
		if errors.Is(err, bucket.ErrExists) {
			err = sameCopy(ctx, b, k)
		}
		if err != nil {
			return fmt.Errorf("copy data key %d into the bucket: %w", k.ID, err)
		}
	}
	return nil
}

// sameCopy returns an error if the bucket has another data key of the id.
func sameCopy(ctx context.Context, b bucket.Bucket, k WrappedKey) error {
	there, err := readCopy(ctx, b, k.Bank, copyKey(k.ID))
	if errors.Is(err, errNoCopy) || err == nil && string(there.Wrapped) != string(k.Wrapped) {
		err = &Refusal{
			What: fmt.Sprintf("data key %d of the control table is not the one in the bucket's %s", k.ID, copyKey(k.ID)),
			Next: "if nobody of this bank wrote the object, remove it; else the control table was replaced: restore it",
		}
	}
	return err
}

// RestoreKeys copies the data keys of the bucket that the control table lacks into it, for a bank
// whose tables were lost.
func RestoreKeys(ctx context.Context, t table.Table, b bucket.Bucket, bank string) error {
	keys, err := bucketKeys(ctx, b, bank)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := writeKey(ctx, t, k); err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return err
		}
	}
	return nil
}
