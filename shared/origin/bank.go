package origin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/control"
	"passbook/shared/table"
)

// Bank is the bank's row in the control table.
type Bank struct {
	// ID is the bank's random id, "" where the tables belong to no bank yet.
	ID string
	// Since is when the row was first written.
	Since time.Time
	// Format is the newest format of its entries: of those that are written from now on, once every
	// writer has read the row.
	Format int
	// Heads is the sum of the manifest of heads, "" in format 1 and while the bank is switching.
	Heads string
	// Key is the id of the data key that entries are signed with; 0 in format 1.
	Key int
	// KeySince is when the row first named that key. WriteBank sets it.
	KeySince time.Time

	rev int64 // the version of the row; 0 in the layout of format 1
}

// Switching reports whether entries of format 1 may still be written, although the bank is at a
// newer one.
func (b Bank) Switching() bool { return b.Format > 1 && b.Heads == "" }

// ReadBank reads the bank's row, consistently, in either layout. The Bank is zero where there is no
// row.
func ReadBank(ctx context.Context, t table.Table) (Bank, error) {
	row, err := control.Bank(t).Get(ctx, control.BankKey)
	if errors.Is(err, table.ErrNotFound) {
		return Bank{}, nil
	}
	if err != nil {
		return Bank{}, fmt.Errorf("read the bank's row: %w", err)
	}
	return parseBank(row.Attrs)
}

// parseBank reads a row. The layout of format 1 is the one with an id, which programs from before
// format 2 look for: they refuse to start without it.
func parseBank(attrs table.Map) (b Bank, err error) {
	r := table.NewReader(attrs)
	b.Since = attrs.Time("since")
	if _, first := attrs["id"]; first {
		b.ID, b.Format = r.Text("id"), 1
	} else {
		b.rev, b.ID, b.Format = r.Number("rev"), r.Text("bank"), int(r.Number("format"))
		b.Heads, b.Key, b.KeySince = attrs.Text("heads"), int(attrs.Number("key")), attrs.Time("key_since")
	}
	if bad := r.Bad(); bad != "" || b.ID == "" || b.Format < 1 {
		return Bank{}, &Refusal{
			What: fmt.Sprintf("the bank's row in the control table is damaged: its attribute %q cannot be read", bad),
			Next: "restore the row bank / - of the control table from a backup",
		}
	}
	return b, nil
}

// WriteBank writes the bank's row over the one that was read, or over none if was is zero. It fails
// with table.ErrConditionFailed if the row is another by now.
func WriteBank(ctx context.Context, t table.Table, was, now Bank) error {
	if now.Key != was.Key {
		now.KeySince = time.Now()
	}
	err := control.BankAt(t, was.rev).Put(ctx, control.BankKey, now.attrs(was.rev+1), was.version())
	if err != nil {
		return fmt.Errorf("write the bank's row: %w", err)
	}
	return nil
}

// version returns the version of the row as it was read.
func (b Bank) version() table.Value {
	switch {
	case b.ID == "":
		return nil
	case b.rev == 0:
		return table.S(b.ID)
	}
	return table.N(b.rev)
}

// attrs returns the bank as a row of its format's layout.
func (b Bank) attrs(rev int64) table.Map {
	if b.Format <= 1 {
		return table.Map{"id": table.S(b.ID), "since": table.Time(b.Since)}
	}
	m := table.Map{
		"rev": table.N(rev), "bank": table.S(b.ID), "since": table.Time(b.Since), "format": table.N(b.Format), "key": table.N(b.Key), "key_since": table.Time(b.KeySince),
	}
	if b.Heads != "" {
		m["heads"] = table.S(b.Heads)
	}
	return m
}
