package rowkey

import (
	"fmt"

	"passbook/shared/event"
	"passbook/shared/table"
)

const (
	// WriteUnit is what one DynamoDB write unit covers; an entry has its state while both fit into
	// one.
	WriteUnit = 1024
	// StateEvery bounds how far a load reads back: an entry that reaches a multiple of it has the
	// state.
	StateEvery = 100
)

// Row returns the table row of a sealed entry, with the state after it where that costs nothing.
// The attributes are native and named as in the stream's record, so that a person or a Lambda
// filter can read them.
func Row(e *event.Entry, enc event.Encoded, state []byte) table.Row {
	a := e.Account()
	attrs := table.Map{
		"format":      table.N(e.Format),
		"tenant":      table.S(e.Tenant),
		"account_id":  table.S(e.AccountID),
		"first":       table.N(e.First),
		"last":        table.N(e.Last),
		"currency":    table.S(e.Currency),
		"recorded_at": table.Time(e.RecordedAt),
		"prev":        table.S(e.Prev.String()),
		"hash":        table.S(e.Hash.String()),
	}
	if e.Signed() {
		attrs["mac"] = table.S(e.MAC.String())
	}
	if enc.Enc == "" {
		attrs["commands"], attrs["events"] = table.S(enc.Commands), table.S(enc.Events)
	} else {
		attrs["enc"] = table.S(enc.Enc)
		attrs["commands"], attrs["events"] = table.B(enc.Commands), table.B(enc.Events)
	}
	if e.Writer != "" {
		attrs["writer"], attrs["n"] = table.S(e.Writer), table.N(e.N)
		attrs["wk"], attrs["wn"] = table.S(Writer(e.Writer, e.N)), table.N(e.N)
	}
	if e.First == 1 {
		attrs["ak"] = table.S(string(a.HashBucket()))
	}
	row := table.Row{Key: Entry(a, e.First), Attrs: attrs}
	attachState(e, row, state)
	return row
}

// attachState puts the state after the entry into its row when that costs no further write unit, or
// when the row is due for one.
func attachState(e *event.Entry, row table.Row, state []byte) {
	due := (e.First-1)/StateEvery != e.Last/StateEvery
	if due || table.Size(row)+len("state")+len(state) <= WriteUnit {
		e.State = state
		row.Attrs["state"] = table.S(state)
	}
}

// Parse reads an entry's row and verifies its hash. A row that cannot be read is event.ErrDamaged,
// or, when a newer program wrote it, an *event.FormatError: to read it again does not help.
func Parse(row table.Row) (*event.Entry, error) {
	r := table.NewReader(row.Attrs)
	e := &event.Entry{
		Format:    int(r.Number("format")),
		Tenant:    r.Text("tenant"),
		AccountID: r.Text("account_id"),
		First:     r.Number("first"),
		Last:      r.Number("last"),
		Currency:  r.Text("currency"),
		Prev:      readHash(r, "prev"),
		Hash:      readHash(r, "hash"),

		RecordedAt: r.Time("recorded_at"),
	}
	if row.Attrs["writer"] != nil {
		e.Writer, e.N = r.Text("writer"), r.Number("n")
	}
	if s, ok := row.Attrs["state"].(table.S); ok {
		e.State = []byte(s)
	}
	if e.Signed() {
		var err error
		if e.MAC, err = event.ParseMAC(r.Text("mac")); err != nil {
			r.Fail("mac")
		}
	}
	commands, events := r.Bytes("commands"), r.Bytes("events")
	if r.Bad() != "" {
		return nil, fmt.Errorf("journal row %s %s: attribute %q: %w", row.PK, row.SK, r.Bad(), event.ErrDamaged)
	}
	if e.Format > event.Format {
		return nil, fmt.Errorf("journal row %s %s: %w", row.PK, row.SK, &event.FormatError{Format: e.Format})
	}
	if err := event.DecodeStored(e, row.Attrs.Text("enc"), commands, events); err != nil {
		return nil, fmt.Errorf("journal row %s %s: %w: %w", row.PK, row.SK, event.ErrDamaged, err)
	}
	if row.Key != Entry(e.Account(), e.First) {
		return nil, fmt.Errorf("journal row %s %s has the entry of another key: %w", row.PK, row.SK, event.ErrDamaged)
	}
	return e, nil
}

func readHash(r *table.Reader, name string) event.Hash {
	h, err := event.ParseHash(r.Text(name))
	if err != nil {
		r.Fail(name)
	}
	return h
}
