package check

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/bucket"
	"passbook/shared/eventtable"
)

// batchRows is how many rows of a file are read at once.
const batchRows = 1024

// readFile calls take with the rows of a file of the table. What is wrong with the file is an error
// that matches errDamaged.
func (k *checker) readFile(ctx context.Context, f eventtable.Described, take func(*eventtable.Row)) error {
	o, err := k.Table.Open(ctx, f.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return fmt.Errorf("%w: it is missing", errDamaged)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", f.Key, err)
	}
	data, err := bucket.Content(o)
	if err = errors.Join(err, o.Close()); err != nil {
		return fmt.Errorf("read %s: %w", f.Key, err)
	}
	return errors.Join(named(f, data), readRows(data, f.Rows, take))
}

// errDamaged means that a file is not what the table says of it.
var errDamaged = errors.New("damaged")

// named compares the content of a file with the hash in its name. Files of other programs have
// other names.
func named(f eventtable.Described, data []byte) error {
	name := strings.TrimSuffix(path.Base(f.Key), ".parquet")
	want, err := base64.RawURLEncoding.DecodeString(name)
	sum := sha256.Sum256(data)
	switch {
	case int64(len(data)) != f.Bytes:
		return fmt.Errorf("%w: it has %d bytes, not %d", errDamaged, len(data), f.Bytes)
	case err == nil && len(want) == len(sum) && !bytes.Equal(want, sum[:]):
		return fmt.Errorf("%w: its content is another than its name says", errDamaged)
	}
	return nil
}

// readRows reads the rows of a file. A file that is damaged may have the decoder panic.
func readRows(data []byte, want int64, take func(*eventtable.Row)) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: it cannot be read: %v", errDamaged, cause)
		}
	}()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("%w: it is no Parquet file: %w", errDamaged, err)
	}
	in := parquet.NewGenericReader[eventtable.Row](file)
	rows := make([]eventtable.Row, min(batchRows, max(1, file.NumRows())))
	var n int64
	for {
		clear(rows)
		got, err := in.Read(rows)
		for i := range rows[:got] {
			take(&rows[i])
		}
		n += int64(got)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || got == 0 {
			return errors.Join(fmt.Errorf("%w: it cannot be read after %d rows: %w", errDamaged, n, err), in.Close())
		}
	}
	if n != want {
		return errors.Join(fmt.Errorf("%w: it has %d rows, not %d", errDamaged, n, want), in.Close())
	}
	return in.Close()
}

// place is what the snapshot says of a file, and the row before.
type place struct {
	eventtable.Described
	table  eventtable.Table
	before eventtable.Row
}

// wrong returns why engines may not find a row where it is, "" if they do.
func (p *place) wrong(r *eventtable.Row) (what string) {
	switch {
	case r.Day() != p.Day || p.table.Bucket(r.AccountID) != p.Bucket:
		what = "it is in a file of another partition"
	case p.Bounded && (!within(p.Least.Tenant, r.Tenant, p.Most.Tenant) || !within(p.Least.AccountID, r.AccountID, p.Most.AccountID) ||
		!within(p.Least.Version, r.Version, p.Most.Version) || !within(p.Least.RecordedAt, r.RecordedAt, p.Most.RecordedAt) ||
		!within(p.Least.EffectiveAt, r.EffectiveAt, p.Most.EffectiveAt)):
		what = "it is out of the bounds that the snapshot has of its file"
	case p.Sorted && cmp.Or(cmp.Compare(p.before.Tenant, r.Tenant), cmp.Compare(p.before.AccountID, r.AccountID), cmp.Compare(p.before.Version, r.Version)) > 0:
		what = "it is not in the order of its file"
	}
	p.before = *r
	return what
}

func within[T cmp.Ordered](least, is, most T) bool { return least <= is && is <= most }
