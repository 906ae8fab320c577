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

const (
	// keptBytes bounds the bytes of a record that quarantine keeps: a row has at most 400 KB, with
	// its other attributes.
	keptBytes = 350 << 10
	// causeBytes bounds the cause in a row.
	causeBytes = 1000
)

// Quarantined is an account, or a record that names none, that a consumer cannot process.
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
	// Stream, Shard and Sequence are where the record was read, empty when it came from the
	// journal. Data is its bytes, up to 350 KB of Size.
	Stream, Shard, Sequence string
	Data                    []byte
	Size                    int64
}

func (q Quarantined) attrs() table.Map {
	return table.Map{
		"id": table.S(q.ID), "version": table.N(q.Version), "cause": table.S(q.Cause), "at": table.Time(time.Now()),
		"stream": table.S(q.Stream), "shard": table.S(q.Shard), "sequence": table.S(q.Sequence),
		"data": table.B(q.Data[:min(len(q.Data), keptBytes)]), "size": table.N(len(q.Data)),
		"tenant": table.S(q.Account.Tenant), "account_id": table.S(q.Account.ID),
	}
}

func parseQuarantined(r table.Row) Quarantined {
	a := r.Attrs
	q := Quarantined{
		ID: r.SK, Version: a.Number("version"), Cause: a.Text("cause"), At: a.Time("at"),
		Stream: a.Text("stream"), Shard: a.Text("shard"), Sequence: a.Text("sequence"), Data: a.Bytes("data"), Size: a.Number("size"),
	}
	if a.Text("account_id") != "" {
		q.Account = event.Account{Tenant: a.Text("tenant"), ID: a.Text("account_id")}
	}
	return q
}

// foreignBytes bounds the bytes of a foreign record that quarantine keeps: enough to see what it
// says.
const foreignBytes = 1 << 10

// recordOf returns a record that cannot be decoded, or is foreign, as quarantine keeps it.
func recordOf(s consumer.Shard, d consumer.Delivery) Quarantined {
	if errors.Is(d.Err, event.ErrForeign) {
		d.Data = d.Data[:min(len(d.Data), foreignBytes)]
	}
	return Quarantined{
		ID: s.Stream + "#" + s.ID + "#" + d.Sequence, Cause: causeText(d.Err),
		Stream: s.Stream, Shard: s.ID, Sequence: d.Sequence, Data: d.Data,
	}
}

// causeText returns an error as a row keeps it.
func causeText(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), causeBytes)], "")
}

// Quarantine returns a page of what a consumer has in quarantine; next is empty at the end.
func Quarantine(ctx context.Context, t table.Table, name, after string) (list []Quarantined, next string, err error) {
	page, err := control.Quarantine(t, name).Page(ctx, after)
	if err != nil {
		return nil, "", err
	}
	for _, row := range page.Rows {
		list = append(list, parseQuarantined(row))
	}
	return list, page.After, nil
}

// QuarantineOf returns up to so many of a tenant's accounts that a consumer has in quarantine.
func QuarantineOf(ctx context.Context, t table.Table, name, tenant string, most int) (list []Quarantined, err error) {
	for row, err := range control.Quarantine(t, name).Under(ctx, event.Account{Tenant: tenant}.String()) {
		if err != nil || len(list) == most {
			return list, err
		}
		// a stream may have the name of a tenant, and its records that name no account come here
		// too
		if q := parseQuarantined(row); q.Account.Tenant == tenant {
			list = append(list, q)
		}
	}
	return list, nil
}

// QuarantineAll returns everything that a consumer has in quarantine.
func QuarantineAll(ctx context.Context, t table.Table, name string) ([]Quarantined, error) {
	var all []Quarantined
	for row, err := range control.Quarantine(t, name).List(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, parseQuarantined(row))
	}
	return all, nil
}

// ReleaseRecord removes a record that names no account from quarantine, and returns it; it returns
// the zero Quarantined if the record is not there. An account leaves quarantine by Redrive.
func ReleaseRecord(ctx context.Context, t table.Table, name, id string) (Quarantined, error) {
	row, err := control.Quarantine(t, name).Get(ctx, id)
	if errors.Is(err, table.ErrNotFound) {
		return Quarantined{}, nil
	}
	if err != nil {
		return Quarantined{}, fmt.Errorf("read %s in quarantine: %w", id, err)
	}
	q := parseQuarantined(row)
	if q.Account != (event.Account{}) {
		return q, fmt.Errorf("release %s: it is an account, which only a redrive releases", id)
	}
	return q, releaseQuarantined(ctx, t, name, id)
}

// addQuarantined puts an account or a record into quarantine, and reports whether it was not there
// yet. What is there is kept, as the first evidence.
func addQuarantined(ctx context.Context, t table.Table, name string, q Quarantined) (added bool, err error) {
	err = control.Quarantine(t, name).Put(ctx, q.ID, q.attrs(), nil)
	if errors.Is(err, table.ErrConditionFailed) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("put %s into quarantine: %w", q.ID, err)
	}
	return true, nil
}

// replaceQuarantined puts an account into quarantine, over what is there of another version or
// cause.
func replaceQuarantined(ctx context.Context, t table.Table, name string, q Quarantined) error {
	rows := control.Quarantine(t, name)
	kept, err := rows.Get(ctx, q.ID)
	switch {
	case errors.Is(err, table.ErrNotFound):
		_, err = addQuarantined(ctx, t, name, q)
		return err
	case err != nil:
		return fmt.Errorf("read %s in quarantine: %w", q.ID, err)
	}
	if k := parseQuarantined(kept); k.Version == q.Version && k.Cause == q.Cause {
		return nil
	}
	err = rows.Put(ctx, q.ID, q.attrs(), table.S(q.ID))
	if errors.Is(err, table.ErrConditionFailed) {
		_, err = addQuarantined(ctx, t, name, q)
		return err
	}
	if err != nil {
		return fmt.Errorf("put %s into quarantine: %w", q.ID, err)
	}
	return nil
}

// releaseQuarantined removes an account or a record from quarantine.
func releaseQuarantined(ctx context.Context, t table.Table, name, id string) error {
	err := control.Quarantine(t, name).Delete(ctx, id, table.S(id))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("release %s from quarantine: %w", id, err)
	}
	return nil
}

// countQuarantine sets the metric of quarantined accounts and records to the number in the store.
// It is the Maintain of a generation's worker.
func (p *Projection[S]) countQuarantine(ctx context.Context) error {
	n := 0
	for _, err := range control.Quarantine(p.rows.table, p.name).List(ctx) {
		if err != nil {
			return err
		}
		n++
	}
	p.count.quarantined.Set(float64(n))
	return nil
}
