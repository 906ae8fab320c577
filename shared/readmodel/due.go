package readmodel

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// The index of accounts by the next thing that falls due on them by itself: a hold or a limit that
// expires. It is sparse, and lies on the table of the balances.
const (
	// DueModel is the read model whose rows are in the index.
	DueModel = "balance"

	indexDue = "due"
	duePK    = "dk"
	dueSK    = "da"
)

// IndexDue describes the index of what falls due.
func IndexDue() table.Index {
	return table.Index{Name: indexDue, PK: duePK, SK: dueSK, Numeric: true}
}

// SetDue puts a row into the index of what falls due, at a time of whole microseconds; the zero
// time leaves it out.
func SetDue(attrs table.Map, generation int64, a event.Account, at time.Time) {
	if at.IsZero() {
		return
	}
	attrs[duePK] = table.S(dueKey(generation, a.HashBucket()))
	attrs[dueSK] = table.N(at.UnixMicro())
}

func dueKey(generation int64, digit byte) string {
	return generationPrefix(generation) + string(digit)
}

// Due is an account on which something falls due.
type Due struct {
	Account event.Account
	At      time.Time
}

// ListDue lists, earliest first, a page of what fell due until a time, on the accounts of a
// generation whose key's hash begins with a hex digit; next is empty at the end. The index lags: an
// account may be listed after it was dealt with.
func ListDue(ctx context.Context, t table.Table, generation int64, digit byte, until time.Time, after string) (list []Due, next string, err error) {
	page, err := t.Query(ctx, table.Query{
		Table: DueModel, Index: indexDue, PK: dueKey(generation, digit), To: table.N(until.UnixMicro()), Limit: 1000, After: after,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list due of %s: %w", dueKey(generation, digit), err)
	}
	for _, row := range page.Rows {
		if _, a, ok := ParseRowKey(row.PK); ok {
			list = append(list, Due{Account: a, At: time.UnixMicro(row.Attrs.Number(dueSK)).UTC()})
		}
	}
	return list, page.After, nil
}
