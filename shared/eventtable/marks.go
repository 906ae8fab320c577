package eventtable

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"passbook/shared/bucket"
	"passbook/shared/event"
)

// marks are how far the table has each account. They take about 200 bytes an account.
type marks map[event.Account]*mark

// marked are the columns of a file of the table that say how far it has each account. A file of
// marks has them alone, a row an account.
type marked struct {
	Tenant    string `parquet:"tenant,dict"`
	AccountID string `parquet:"account_id"`
	Version   int64  `parquet:"version"`
	EntryHash []byte `parquet:"entry_hash"`
}

func (m marked) account() event.Account { return event.Account{Tenant: m.Tenant, ID: m.AccountID} }

// loadMarks returns the marks that the newest snapshot names. If they are lost or damaged, it makes
// them again from the files of the table.
func loadMarks(ctx context.Context, from Table, summary map[string]string) (marks, error) {
	if key := summary[marksName]; key != "" {
		m, err := readMarks(ctx, from, key)
		if err == nil || !errors.Is(err, errMarks) && !errors.Is(err, bucket.ErrNotFound) {
			return m, err
		}
	}
	m := marks{}
	return m, scan(ctx, from, m.move)
}

// errMarks means that marks are not what was saved.
var errMarks = errors.New("the file of marks is damaged")

// readMarks reads marks that were saved.
func readMarks(ctx context.Context, from Table, key string) (marks, error) {
	data, err := readAll(ctx, from, key)
	if err != nil {
		return nil, err
	}
	if marksKey(data) != key {
		return nil, errMarks
	}
	m := marks{}
	return m, scanFile(bytes.NewReader(data), int64(len(data)), m.move)
}

// readAll returns the content of a file.
func readAll(ctx context.Context, from Table, key string) (data []byte, err error) {
	o, err := from.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	data, err = bucket.Content(o)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}

// marksKey returns the key of a file of marks: it names its content.
func marksKey(data []byte) string {
	sum := sha256.Sum256(data)
	return "marks/" + base64.RawURLEncoding.EncodeToString(sum[:]) + ".parquet"
}

// save writes the marks and returns their key.
func (m marks) save(ctx context.Context, to Table) (key string, err error) {
	rows := make([]marked, 0, len(m))
	for a, at := range m {
		if at.last > 0 {
			rows = append(rows, marked{a.Tenant, a.ID, at.last, at.hash[:]})
		}
	}
	slices.SortFunc(rows, func(a, b marked) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.AccountID, b.AccountID))
	})
	var out bytes.Buffer
	w := parquet.NewGenericWriter[marked](&out, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}))
	_, err = w.Write(rows)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("encode marks: %w", err)
	}
	key = marksKey(out.Bytes())
	err = to.Write(ctx, key, out.Bytes())
	if err != nil {
		return "", fmt.Errorf("write %s: %w", key, err)
	}
	return key, nil
}

// move moves a mark to a row, if the row is behind it.
func (m marks) move(row marked) {
	at := m.of(row.account())
	if row.Version > at.last {
		at.last, at.hash = row.Version, event.Hash(row.EntryHash)
	}
}

// of returns the mark of an account, which may be of none of its entries.
func (m marks) of(a event.Account) *mark {
	at := m[a]
	if at == nil {
		at = &mark{}
		m[a] = at
	}
	return at
}

// scan calls take with what every row of the table says of its account.
func scan(ctx context.Context, from Table, take func(marked)) error {
	keys, err := from.Files(ctx)
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	for _, key := range keys {
		o, err := from.Open(ctx, key)
		if err != nil {
			return fmt.Errorf("open %s: %w", key, err)
		}
		err = errors.Join(scanFile(o, o.Size(), take), o.Close())
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
	}
	return nil
}

// scanFile calls take with the rows of a file. It reads only the columns that it needs.
func scanFile(r io.ReaderAt, size int64, take func(marked)) error {
	file, err := parquet.OpenFile(r, size)
	if err != nil {
		return err
	}
	in := parquet.NewGenericReader[marked](file)
	rows := make([]marked, min(1024, file.NumRows()))
	for left := file.NumRows(); left > 0; {
		n, err := in.Read(rows)
		if n == 0 {
			return errors.Join(fmt.Errorf("%d rows are missing: %w", left, err), in.Close())
		}
		for _, row := range rows[:n] {
			if len(row.EntryHash) != len(event.Hash{}) {
				return errors.Join(fmt.Errorf("entry_hash has %d bytes", len(row.EntryHash)), in.Close())
			}
			take(row)
		}
		left -= int64(n)
	}
	return in.Close()
}
