package balance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

const (
	// MaxPage is the largest number of rows in a page.
	MaxPage = 100
	// maxExamined bounds the rows that are read for one page. A page of a rare status may therefore
	// be short without being the last.
	maxExamined = 1000
	// readParallel is how many rows, or events, are read at once.
	readParallel = 16
)

// Filter selects accounts.
type Filter struct {
	Tenant string
	// Holder selects the accounts of one holder; empty is every account of the tenant.
	Holder string
	// Status is open or closed; empty is both.
	Status string
	// OverLimit selects the accounts that use more than their limit, or those that do not; nil is
	// both.
	OverLimit *bool
}

func (f Filter) matches(r Row) bool {
	return r.Version > 0 &&
		(f.Status == "" || f.Status == r.State.Status) &&
		(f.OverLimit == nil || *f.OverLimit == (r.State.OverLimit() > 0))
}

// List returns a page of up to limit (1 to MaxPage) accounts in a fixed order. next is the position
// of the following page, "" at the end; a page may be short, even empty, without being the last. A
// position belongs to the filter for which List returned it; one that cannot is ErrPosition.
func (s *Store) List(ctx context.Context, f Filter, after string, limit int) (rows []Row, next string, err error) {
	at, err := parsePosition(f, after)
	if err != nil {
		return nil, "", err
	}
	limit = min(max(limit, 1), MaxPage)
	generation, err := s.Live(ctx)
	if err != nil {
		return nil, "", err
	}
	for examined := 0; examined < maxExamined && !at.done(); {
		accounts, more, err := s.accounts(ctx, f, generation, at, limit)
		if err != nil {
			return nil, "", err
		}
		loaded, err := s.load(ctx, accounts)
		if err != nil {
			return nil, "", err
		}
		for _, row := range loaded {
			at.account = row.Account.ID
			if f.matches(row) {
				rows = append(rows, row)
			}
			if len(rows) == limit {
				return rows, at.String(), nil
			}
		}
		if examined += len(accounts); !more {
			at = at.nextBucket()
		}
	}
	return rows, at.String(), nil
}

// accounts returns a page of accounts after a position: the holder's, or the tenant's of the
// position's hash bucket. The latter come from the journal's index, as the table of rows has no
// order to continue in.
func (s *Store) accounts(ctx context.Context, f Filter, generation int64, at position, limit int) (accounts []event.Account, more bool, err error) {
	prefix := f.Tenant + "#"
	q := table.Query{Table: journal.Table, Index: journal.IndexAccounts, PK: string(at.bucket), Limit: limit + 1}
	if f.Holder != "" {
		prefix = fmt.Sprintf("g%d#%s", generation, prefix)
		q.Table, q.Index, q.PK = Table, indexHolders, holderKey(generation, f.Tenant, f.Holder)
	}
	q.From, q.To = table.S(prefix+at.account), table.S(prefix+"~") // '~' sorts after every character of an account id
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, false, fmt.Errorf("list accounts of %s: %w", f.Tenant, err)
		}
		for _, row := range page.Rows {
			if id := strings.TrimPrefix(row.PK, prefix); id != at.account {
				accounts = append(accounts, event.Account{Tenant: f.Tenant, ID: id})
			}
		}
		if q.After = page.After; q.After == "" || len(accounts) > 0 {
			return accounts, q.After != "", nil
		}
	}
}

// load returns the rows of accounts, in their order, each as Get does. The row of an account that
// is not projected yet has no version.
func (s *Store) load(ctx context.Context, accounts []event.Account) ([]Row, error) {
	rows := make([]Row, len(accounts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readParallel)
	for i, a := range accounts {
		g.Go(func() error {
			row, err := s.Get(ctx, a)
			if err != nil && !errors.Is(err, readmodel.ErrNoRow) {
				return err
			}
			row.Account = a
			rows[i] = row
			return nil
		})
	}
	return rows, g.Wait()
}
