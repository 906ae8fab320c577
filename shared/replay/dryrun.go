package replay

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/readmodel"
)

// maxMissing bounds the accounts that Missing lists; all are counted.
const maxMissing = 10_000

// Missing is what the journal lacks.
type Missing struct {
	Accounts int64 `json:"accounts"`
	Entries  int64 `json:"entries"`
	// List has the first accounts, by tenant and id.
	List []MissingOfAccount `json:"list"`
}

// MissingOfAccount is what the journal lacks of one account: so many entries, between the versions
// From and To.
type MissingOfAccount struct {
	Tenant  string `json:"tenant"`
	Account string `json:"account_id"`
	Entries int64  `json:"entries"`
	From    int64  `json:"from_version"`
	To      int64  `json:"to_version"`
}

// dryRun counts what a restore would have done, about 100 bytes for each account. The nil dryRun is
// that of a real restore.
type dryRun struct {
	mu  sync.Mutex
	all map[event.Account]*MissingOfAccount // of the accounts that were read
	// live has the live generation of each model.
	live map[string]int64
}

func newDryRun(ctx context.Context, c RestoreConfig) (*dryRun, error) {
	d := &dryRun{all: map[event.Account]*MissingOfAccount{}, live: map[string]int64{}}
	for _, model := range c.Models {
		live, _, err := readmodel.Generations(ctx, c.Table, model)
		if err != nil {
			return nil, err
		}
		d.live[model] = live
	}
	return d, nil
}

// seen reports whether an account's rows were compared with its restored journal.
func (d *dryRun) seen(a event.Account) bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[a] != nil
}

// missingOf returns what the journal lacks of an account.
func (d *dryRun) missingOf(a event.Account) *MissingOfAccount {
	d.mu.Lock()
	defer d.mu.Unlock()
	lacking := d.all[a]
	if lacking == nil {
		lacking = &MissingOfAccount{Tenant: a.Tenant, Account: a.ID}
		d.all[a] = lacking
	}
	return lacking
}

// put counts an entry that the journal lacks. Entries of one account come one after the other.
func (d *dryRun) put(ctx context.Context, into Restorer, e *event.Entry, s account.State) error {
	lacks, err := into.Lacks(ctx, e, s)
	if !lacks || err != nil {
		return err
	}
	of := d.missingOf(e.Account())
	of.Entries, of.From, of.To = of.Entries+1, cmp.Or(of.From, e.First), e.Last
	return nil
}

// compareRows compares an account's live rows with its journal and the entries that would be put.
func (d *dryRun) compareRows(ctx context.Context, r *restore, a event.Account, put []*event.Entry) error {
	d.missingOf(a)
	for model, live := range d.live {
		row, err := getRow(ctx, r.config.Table, model, live, a)
		if err == nil {
			err = r.compareRow(ctx, model, row, put)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *dryRun) result() Missing {
	var sum Missing
	if d == nil {
		return sum
	}
	sum.List = []MissingOfAccount{}
	for _, of := range d.all {
		if of.Entries > 0 {
			sum.Accounts++
			sum.Entries += of.Entries
			sum.List = append(sum.List, *of)
		}
	}
	slices.SortFunc(sum.List, func(a, b MissingOfAccount) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Account, b.Account))
	})
	sum.List = sum.List[:min(len(sum.List), maxMissing)]
	return sum
}
