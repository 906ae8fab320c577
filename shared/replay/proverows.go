package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

// proveBatch is how many rows are in memory while they are compared with the heads from before
// macs, which are stored in order of account.
const proveBatch = 64 << 10

// proveRows compares the candidate's rows with the heads from before macs. A row that ends before
// its account's head, or there with another hash, was folded from entries of which nothing shows
// that they are the bank's: it becomes what the journal makes of the account, or is put into
// quarantine. The archive's entry at a head's version has the head's hash, or was left out, so that
// a row beyond the head was folded from the chain that ends there.
func (c RebuildConfig) proveRows(ctx context.Context, to Projection, generation int64, faults *faultList) error {
	c.Progress.Begin("compare with the heads from before macs", "rows", 0)
	var mu sync.Mutex
	batch := map[event.Account]modelRow{}
	prove := func(ctx context.Context) error {
		for _, a := range inOrder(batch) {
			err := c.proveRow(ctx, to, batch[a], faults)
			if err != nil {
				return err
			}
		}
		clear(batch)
		return nil
	}
	err := eachRow(ctx, c.Table, c.Model, generation, func(ctx context.Context, row modelRow) error {
		c.Progress.Add(1)
		mu.Lock()
		defer mu.Unlock()
		row.attrs = nil
		batch[row.account] = row
		if len(batch) < proveBatch {
			return nil
		}
		return prove(ctx)
	})
	if err != nil {
		return err
	}
	return prove(ctx)
}

// proveRow compares a row with its account's head, and has it folded from the journal if nothing
// shows that it is right.
func (c RebuildConfig) proveRow(ctx context.Context, to Projection, row modelRow, faults *faultList) error {
	head, ok, err := c.Origin.Heads.Of(ctx, row.account)
	if err != nil {
		return err
	}
	proven := func(row modelRow) bool {
		return row.version > head.Version || row.version == head.Version && row.hash == head.Hash.String()
	}
	if !ok || row.version == 0 || proven(row) {
		return nil
	}
	committed, err := committedAt(ctx, c.Journal, row.account, row.version)
	if err != nil {
		return err
	}
	if committed != nil && (committed.Last != row.version || committed.Hash.String() != row.hash) {
		faults.add(row.account, row.version, "foreign: the archive's entries without a mac lead to another v%d than the journal's, which is folded instead", row.version)
	}
	_, err = to.CatchUp(ctx, row.account)
	if err != nil && !errors.Is(err, readmodel.ErrQuarantined) {
		return fmt.Errorf("fold %s from the journal: %w", row.account, err)
	}
	now, err := getRow(ctx, c.Table, c.Model, row.generation, row.account)
	if err != nil {
		return err
	}
	if now.blocked != 0 || !proven(now) {
		faults.add(row.account, cmp.Or(now.blocked, now.version+1),
			"not proven: neither archive nor journal leads to v%d, which the account had when the bank was switched to macs", head.Version)
	}
	return nil
}

// committedAt returns the journal's entry that has a version, or the last one before it. It returns
// nil if there is none, or it cannot be read, which the audit names.
func committedAt(ctx context.Context, from readmodel.History, a event.Account, version int64) (*event.Entry, error) {
	for e, err := range from.Backward(ctx, a, version) {
		var newer *event.FormatError
		switch {
		case errors.Is(err, journal.ErrDamaged) || errors.As(err, &newer):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("journal of %s: %w", a, err)
		}
		return e, nil
	}
	return nil, nil
}

// inOrder returns the accounts of a map in the order in which heads are stored.
func inOrder[V any](of map[event.Account]V) []event.Account {
	return slices.SortedFunc(maps.Keys(of), func(a, b event.Account) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
}
