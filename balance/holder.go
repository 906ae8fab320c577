package balance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Totals are what the accounts of a holder have in one currency.
type Totals struct {
	Currency string `json:"currency"`
	Accounts int64  `json:"accounts"`
	Posted   int64  `json:"posted"`
	Held     int64  `json:"held"`
	// Drawn is the part of the limits that posted balances use.
	Drawn int64 `json:"drawn"`
	Limit int64 `json:"limit"`
}

// HolderTotals returns what the accounts of a holder have, by currency, and when the last event of
// them was recorded. Each account is as its row is.
func (s *Store) HolderTotals(ctx context.Context, tenant, holder string) (totals []Totals, asOf time.Time, err error) {
	accounts, err := s.HolderAccounts(ctx, tenant, holder)
	if err != nil {
		return nil, asOf, err
	}
	for _, r := range accounts {
		i := slices.IndexFunc(totals, func(t Totals) bool { return t.Currency == r.Currency })
		if i < 0 {
			i = len(totals)
			totals = append(totals, Totals{Currency: r.Currency})
		}
		t := &totals[i]
		t.Accounts, t.Posted, t.Held, t.Drawn, t.Limit = t.Accounts+1, t.Posted+r.Posted, t.Held+r.Held, t.Drawn+max(0, -r.Posted), t.Limit+r.Limit
		if r.AsOf.After(asOf) {
			asOf = r.AsOf
		}
	}
	slices.SortFunc(totals, func(a, b Totals) int { return strings.Compare(a.Currency, b.Currency) })
	return totals, asOf, nil
}

// HolderAccounts returns the accounts of a holder. One that was last folded before there were rows
// under holders is read by itself.
func (s *Store) HolderAccounts(ctx context.Context, tenant, holder string) (all []derived.HolderRow, err error) {
	generation, err := s.Live(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for after := ""; ; {
		rows, next, err := derived.HolderRows(ctx, s.table, generation, tenant, holder, after)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			seen[r.Account.ID] = true
		}
		all = append(all, rows...)
		if after = next; after == "" {
			break
		}
	}
	missing, err := s.unseen(ctx, generation, tenant, holder, seen)
	if err != nil {
		return nil, err
	}
	for accounts := range slices.Chunk(missing, MaxPage) {
		rows, err := s.load(ctx, accounts)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if r.Version > 0 {
				all = append(all, derived.HolderRow{
					Account: r.Account, Currency: r.State.Currency, Status: r.State.Status, Posted: r.State.Posted, Held: r.State.Held,
					Limit: r.State.Limit, Version: r.Version, AsOf: r.AsOf,
				})
			}
		}
	}
	return all, nil
}

// unseen returns the accounts of a holder that are not among those seen.
func (s *Store) unseen(ctx context.Context, generation int64, tenant, holder string, seen map[string]bool) (missing []event.Account, err error) {
	q := table.Query{Table: Table, Index: indexHolders, PK: holderKey(generation, tenant, holder)}
	for row, err := range table.Rows(ctx, s.table, q) {
		if err != nil {
			return nil, fmt.Errorf("list the accounts of holder %s: %w", holder, err)
		}
		if _, a, ok := readmodel.ParseRowKey(row.PK); ok && !seen[a.ID] {
			missing = append(missing, a)
		}
	}
	return missing, nil
}
