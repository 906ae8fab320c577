package derived

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// HolderRow is an account under its holder.
type HolderRow struct {
	Account             event.Account
	Currency, Status    string
	Posted, Held, Limit int64
	Version             int64
	// AsOf is when its last event was recorded.
	AsOf time.Time
}

// HolderRows returns a page of the rows of a holder, in the order of account ids; next is empty at
// the end.
func HolderRows(ctx context.Context, t table.Table, generation int64, tenant, holder, after string) (rows []HolderRow, next string, err error) {
	page, err := t.Query(ctx, table.Query{Table: Table, PK: partition(generation, kindHolder, tenant, "", holder), After: after})
	if err != nil {
		return nil, "", fmt.Errorf("list the accounts of holder %s: %w", holder, err)
	}
	for _, row := range page.Rows {
		a := row.Attrs
		if f := a.Number("format"); f != rowFormat {
			return nil, "", fmt.Errorf("%s row %s %s: format %d, not %d", Table, row.PK, row.SK, f, rowFormat)
		}
		rows = append(rows, HolderRow{
			Account: event.Account{Tenant: tenant, ID: row.SK}, Currency: a.Text("currency"), Status: a.Text("status"),
			Posted: a.Number("posted"), Held: a.Number("held"), Limit: a.Number("limit"), Version: a.Number("version"), AsOf: a.Time("as_of"),
		})
	}
	return rows, page.After, nil
}
