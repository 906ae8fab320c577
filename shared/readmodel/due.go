package readmodel

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// The due index of a read model has its accounts in the order of the next thing that expires on
// them without a command: a hold or a credit limit. It is sparse.
const (
	indexDue = "due"
	duePK    = "dk"
	dueSK    = "da"
)

// dueLimit bounds a page of ListDue.
const dueLimit = 1000

// IndexDue returns the description of the due index.
func IndexDue() table.Index {
	return table.Index{Name: indexDue, PK: duePK, SK: dueSK, Numeric: true}
}

// SetDue puts a row into the due index at a time, which has whole microseconds; the zero time
// leaves the row out.
func SetDue(attrs table.Map, generation int64, a event.Account, at time.Time) {
	if at.IsZero() {
		return
	}
	attrs[duePK] = table.S(dueKey(generation, a.HashBucket()))
	attrs[dueSK] = table.N(at.UnixMicro())
}

func dueKey(generation int64, bucket byte) string {
	return GenerationPrefix(generation) + string(bucket)
}

// Due is an account on which something expires, and when.
type Due struct {
	Account event.Account
	At      time.Time
}

// ListDue returns, earliest first, a page of what expired until a time on the accounts of a hash
// bucket, in a generation of a model; next is empty at the end. The index lags, so an account may
// still be listed after it was processed.
func ListDue(
	ctx context.Context, t table.Table, model string, generation int64, bucket byte, until time.Time, after string,
) (list []Due, next string, err error) {
	page, err := t.Query(ctx, table.Query{
		Table: model, Index: indexDue, PK: dueKey(generation, bucket), To: table.N(until.UnixMicro()), Limit: dueLimit, After: after,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list what is due in %s: %w", Name(model, generation), err)
	}
	for _, row := range page.Rows {
		if _, a, ok := ParseRowKey(row.PK); ok {
			list = append(list, Due{Account: a, At: time.UnixMicro(row.Attrs.Number(dueSK)).UTC()})
		}
	}
	return list, page.After, nil
}
