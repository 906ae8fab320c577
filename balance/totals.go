package balance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/money"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

const (
	// totalsEvery is the least time between the ends of two passes over all rows.
	totalsEvery = 30 * time.Second
	// restFactor is how much longer a pass rests after a page than the page took: it takes at most
	// a twentieth of a core.
	restFactor = 19
	// pageMost bounds the reading of a page.
	pageMost = 10 * time.Second
)

// errTotalTooLarge is the error of a sum beyond 64 bits.
var errTotalTooLarge = errors.New("balance: a total does not fit into 64 bits")

// Total is what the accounts of a currency have together.
type Total struct {
	Currency                             string
	Accounts, Posted, Held, Drawn, Limit int64
}

// BankTotals adds up the rows of all accounts in the background. It may be used concurrently.
type BankTotals struct {
	store *Store
	// failed is called with the error of a pass, which is tried again.
	failed func(error)
	last   atomic.Pointer[pass]
}

// pass is what one pass over the rows found, by tenant and currency. Rows may change while it
// reads, so the totals are not of one instant.
type pass struct {
	began, ended time.Time
	tenants      map[string]map[string]Total
}

// NewBankTotals returns totals that are unknown until Run has made its first pass.
func NewBankTotals(s *Store, failed func(error)) *BankTotals {
	return &BankTotals{store: s, failed: failed}
}

// Run makes one pass after another until ctx ends.
func (t *BankTotals) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		p, err := t.pass(ctx)
		switch {
		case err == nil:
			t.last.Store(p)
		case ctx.Err() == nil:
			t.failed(err)
		}
		if backoff.Sleep(ctx, totalsEvery) != nil {
			return nil
		}
	}
	return nil
}

// Of returns the totals of a tenant by currency, and from when to when they were read; known is
// false before the first pass.
func (t *BankTotals) Of(tenant string) (totals []Total, began, ended time.Time, known bool) {
	p := t.last.Load()
	if p == nil {
		return nil, began, ended, false
	}
	totals = slices.Collect(maps.Values(p.tenants[tenant]))
	slices.SortFunc(totals, func(a, b Total) int { return cmp.Compare(a.Currency, b.Currency) })
	return totals, p.began, p.ended, true
}

// pass reads every row of the live generation once.
func (t *BankTotals) pass(ctx context.Context) (*pass, error) {
	live, err := t.store.Live(ctx)
	if err != nil {
		return nil, err
	}
	p := &pass{began: time.Now(), tenants: map[string]map[string]Total{}}
	scan := table.Scan{Table: Table, Of: 1}
	for {
		began := time.Now()
		page, err := t.page(ctx, scan)
		if err != nil {
			return nil, fmt.Errorf("add up the balances: %w", err)
		}
		for _, row := range page.Rows {
			if err := p.add(live, row); err != nil {
				return nil, err
			}
		}
		if scan.After = page.After; scan.After == "" {
			p.ended = time.Now()
			return p, nil
		}
		if err := backoff.Sleep(ctx, restFactor*time.Since(began)); err != nil {
			return nil, err
		}
	}
}

func (t *BankTotals) page(ctx context.Context, scan table.Scan) (table.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, pageMost)
	defer cancel()
	return t.store.table.Scan(ctx, scan)
}

// add adds a row, unless it is of another generation or of no account.
func (p *pass) add(live int64, row table.Row) error {
	generation, of, ok := readmodel.ParseRowKey(row.PK)
	currency := row.Attrs.Text("currency")
	if !ok || generation != live || currency == "" {
		return nil
	}
	if p.tenants[of.Tenant] == nil {
		p.tenants[of.Tenant] = map[string]Total{}
	}
	sum := p.tenants[of.Tenant][currency]
	sum.Currency = currency
	sum.Accounts++
	posted := row.Attrs.Number("posted")
	for _, part := range []struct {
		to *int64
		by int64
	}{{&sum.Posted, posted}, {&sum.Held, row.Attrs.Number("held")}, {&sum.Drawn, max(0, -posted)}, {&sum.Limit, row.Attrs.Number("limit")}} {
		if *part.to, ok = money.Add(*part.to, part.by); !ok {
			return fmt.Errorf("%w: %s of %s", errTotalTooLarge, currency, of.Tenant)
		}
	}
	p.tenants[of.Tenant][currency] = sum
	return nil
}
