package due

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// The names in the index.
const (
	index = "due"
	pk    = "dk"
	sk    = "da"
)

// pageLimit bounds a page of List.
const pageLimit = 1000

// Index returns the description of the due index.
func Index() table.Index {
	return table.Index{Name: index, PK: pk, SK: sk, Numeric: true}
}

// Set puts a row into the due index at a time, which has whole microseconds; the zero time leaves
// the row out.
func Set(attrs table.Map, generation int64, a event.Account, at time.Time) {
	if at.IsZero() {
		return
	}
	attrs[pk] = table.S(key(generation, a.HashBucket()))
	attrs[sk] = table.N(at.UnixMicro())
}

func key(generation int64, bucket byte) string {
	return readmodel.GenerationPrefix(generation) + string(bucket)
}

// Account is an account on which something expires, and when.
type Account struct {
	Account event.Account
	At      time.Time
}

// List returns, earliest first, a page of what expired until a time on the accounts of a hash
// bucket, in a generation of a model; next is empty at the end. The index lags, so an account may
// still be listed after it was processed.
func List(
	ctx context.Context, t table.Table, model string, generation int64, bucket byte, until time.Time, after string,
) (list []Account, next string, err error) {
	page, err := t.Query(ctx, table.Query{
		Table: model, Index: index, PK: key(generation, bucket), To: table.N(until.UnixMicro()), Limit: pageLimit, After: after,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list what is due in %s: %w", readmodel.Name(model, generation), err)
	}
	for _, row := range page.Rows {
		if _, a, ok := readmodel.ParseRowKey(row.PK); ok {
			list = append(list, Account{Account: a, At: time.UnixMicro(row.Attrs.Number(sk)).UTC()})
		}
	}
	return list, page.After, nil
}
