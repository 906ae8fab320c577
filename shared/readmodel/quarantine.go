package readmodel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// keptBytes is how much of a record quarantine keeps: a row holds 400 KB, its other attributes
// included.
const keptBytes = 350 << 10

// Quarantined is an account, or a record that names none, that one consumer set aside.
type Quarantined struct {
	// ID is the account's partition key, or "<stream>#<shard>#<sequence>" of a record that cannot
	// be decoded.
	ID string
	// Account is set for an account.
	Account event.Account
	// Version is the event that could not be folded.
	Version int64
	Cause   string
	At      time.Time
	// Stream, Shard and Sequence say where the record was read, empty when it came from the
	// journal. Data is its bytes, up to 350 KB of Size.
	Stream, Shard, Sequence string
	Data                    []byte
	Size                    int64
}

func quarantineKey(name, id string) table.Key {
	return table.Key{PK: "quarantine#" + name, SK: id}
}

// Quarantine lists what a consumer set aside, a page at a time; next is empty at the end.
func Quarantine(ctx context.Context, t table.Table, name, after string) (list []Quarantined, next string, err error) {
	page, err := t.Query(ctx, table.Query{
		Table: control.Name, PK: quarantineKey(name, "").PK, After: after, Consistent: true,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list quarantine of %s: %w", name, err)
	}
	for _, row := range page.Rows {
		list = append(list, parseQuarantined(row))
	}
	return list, page.After, nil
}

// QuarantineAll lists everything that a consumer set aside.
func QuarantineAll(ctx context.Context, t table.Table, name string) ([]Quarantined, error) {
	var all []Quarantined
	for after := ""; ; {
		list, next, err := Quarantine(ctx, t, name, after)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

// CountQuarantined sets the metric of quarantined accounts and records to what the store holds. It
// is a Worker's Tend.
func (p *Projection[S]) CountQuarantined(ctx context.Context) error {
	all, err := QuarantineAll(ctx, p.Rows.table, p.name)
	if err == nil {
		p.count.quarantined.Set(float64(len(all)))
	}
	return err
}

func parseQuarantined(r table.Row) Quarantined {
	a := r.Attrs
	q := Quarantined{
		ID: r.SK, Version: a.Number("version"), Cause: a.Text("cause"), At: a.Time("at"),
		Stream: a.Text("stream"), Shard: a.Text("shard"), Sequence: a.Text("sequence"), Size: a.Number("size"),
	}
	q.Data = a.Bytes("data")
	if a.Text("account_id") != "" {
		q.Account = event.Account{Tenant: a.Text("tenant"), ID: a.Text("account_id")}
	}
	return q
}

// setAside keeps a quarantined account or record. What is there already is kept: it is the first
// evidence.
func setAside(ctx context.Context, t table.Table, name string, q Quarantined) (added bool, err error) {
	err = t.Put(ctx, table.Put{Table: control.Name, Row: q.row(name), If: table.Absent()})
	if errors.Is(err, table.ErrConditionFailed) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("set %s aside: %w", q.ID, err)
	}
	return true, nil
}

// row lays a quarantined account or record out for its table.
func (q Quarantined) row(name string) table.Row {
	attrs := table.Map{
		"id": table.S(q.ID), "version": table.N(q.Version), "cause": table.S(q.Cause), "at": table.Time(time.Now()),
		"stream": table.S(q.Stream), "shard": table.S(q.Shard), "sequence": table.S(q.Sequence),
		"data": table.B(q.Data[:min(len(q.Data), keptBytes)]), "size": table.N(len(q.Data)),
		"tenant": table.S(q.Account.Tenant), "account_id": table.S(q.Account.ID),
	}
	return table.Row{Key: quarantineKey(name, q.ID), Attrs: attrs}
}

// rewrite keeps a quarantined account as setAside does, and replaces what is there when that is of
// another version or cause.
func rewrite(ctx context.Context, t table.Table, name string, q Quarantined) error {
	kept, err := t.Get(ctx, control.Name, quarantineKey(name, q.ID), true)
	switch {
	case errors.Is(err, table.ErrNotFound):
		_, err = setAside(ctx, t, name, q)
		return err
	case err != nil:
		return fmt.Errorf("read %s in quarantine: %w", q.ID, err)
	}
	if k := parseQuarantined(kept); k.Version == q.Version && k.Cause == q.Cause {
		return nil
	}
	err = t.Put(ctx, table.Put{Table: control.Name, Row: q.row(name), If: table.Equals("id", table.S(q.ID))})
	if errors.Is(err, table.ErrConditionFailed) {
		_, err = setAside(ctx, t, name, q)
		return err
	}
	if err != nil {
		return fmt.Errorf("set %s aside: %w", q.ID, err)
	}
	return nil
}

// takeBack forgets a quarantined account or record.
func takeBack(ctx context.Context, t table.Table, name, id string) error {
	err := t.Delete(ctx, control.Name, quarantineKey(name, id), table.Equals("id", table.S(id)))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("take %s out of quarantine: %w", id, err)
	}
	return nil
}

// ClearRecord forgets a record that names no account, and gives it as it was kept; one that is not
// there is the zero Quarantined. An account leaves quarantine by Redrive.
func ClearRecord(ctx context.Context, t table.Table, name, id string) (Quarantined, error) {
	row, err := t.Get(ctx, control.Name, quarantineKey(name, id), true)
	if errors.Is(err, table.ErrNotFound) {
		return Quarantined{}, nil
	}
	if err != nil {
		return Quarantined{}, fmt.Errorf("read %s in quarantine: %w", id, err)
	}
	q := parseQuarantined(row)
	if q.Account != (event.Account{}) {
		return q, fmt.Errorf("clear %s: it is an account, which a redrive lets go on", id)
	}
	return q, takeBack(ctx, t, name, id)
}

func recordOf(s consumer.Shard, d consumer.Delivery) Quarantined {
	return Quarantined{
		ID: s.Stream + "#" + s.ID + "#" + d.Sequence, Cause: cause(d.Err),
		Stream: s.Stream, Shard: s.ID, Sequence: d.Sequence, Data: d.Data,
	}
}

// causeBytes bounds a cause in a row.
const causeBytes = 1000

func cause(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), causeBytes)], "")
}
