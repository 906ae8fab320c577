package verify

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

const (
	// scanSegments is how many parts of the table are scanned at once, and accountsAtOnce how many
	// accounts are compared at once.
	scanSegments   = 8
	accountsAtOnce = 32
	// margin is for how long before Retention ends rows may be deleted, as clocks differ.
	margin = time.Hour
)

// Config configures Run. All but Tenant and Progress is required.
type Config struct {
	Table table.Table
	// Model is the name of the read model of balances.
	Model   string
	Journal readmodel.Journal
	// Tenant, if not empty, is the only one whose accounts are compared.
	Tenant string
	Now    func() time.Time
	// Progress counts the rows that are read, and then the accounts that are compared.
	Progress *progress.Tracker
}

// run is a comparison.
type run struct {
	Config
	generation int64
	mark       derived.Mark
	seed       maphash.Seed
	// from and until bound when the entries were recorded that are compared, both inclusive.
	from, until time.Time
	found       func(readmodel.Difference)

	mu     sync.Mutex
	sums   map[uint64]*sum
	strays int64
}

// sum is of the keys of an account: those that the table has less those that it should have.
type sum struct {
	keys           uint64
	index, holders int64
}

// Run compares the further rows of a generation, and calls found for each difference, one call at a
// time. Programs may project at the same time.
func Run(ctx context.Context, c Config, generation int64, found func(readmodel.Difference)) (readmodel.Compared, error) {
	mark, err := derived.LoadMark(ctx, c.Table, generation)
	if err != nil {
		return readmodel.Compared{}, err
	}
	now := c.Now()
	r := &run{Config: c, generation: generation, mark: mark, seed: maphash.MakeSeed(), sums: map[uint64]*sum{}, until: now}
	r.from = mark.CompleteFrom(now)
	if oldest := now.Add(margin - derived.Retention); r.from.Before(oldest) {
		r.from = oldest
	}
	r.found = func(d readmodel.Difference) {
		r.mu.Lock()
		defer r.mu.Unlock()
		found(d)
	}
	c.Progress.Begin("read the index of events", "rows", 0)
	err = r.scan(ctx, func(_ context.Context, key table.Key, l derived.Lead) error {
		c.Progress.Add(1)
		r.add(l.Account, key, l, 1)
		return nil
	})
	if err == nil {
		c.Progress.Begin("compare the index of events with the journal", "accounts", 0)
		err = r.accounts(ctx)
	}
	if err == nil {
		err = r.foreign(ctx)
	}
	if err != nil {
		return readmodel.Compared{}, fmt.Errorf("compare the rows of %s with the journal: %w", derived.Table, err)
	}
	done := readmodel.Compared{Index: mark.Known() && !mark.Off, Strays: r.strays}
	if done.Index {
		done.From = r.from.UTC()
	}
	return done, nil
}

// scan visits the rows of the generation that are compared, several at once.
func (r *run) scan(ctx context.Context, visit func(context.Context, table.Key, derived.Lead) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for segment := range scanSegments {
		group.Go(func() error {
			for row, err := range table.ScanRows(ctx, r.Table, table.Scan{Table: derived.Table, Segment: segment, Of: scanSegments}) {
				if err != nil {
					return fmt.Errorf("scan %s: %w", derived.Table, err)
				}
				l, ok := derived.ParseKey(r.generation, row.Key)
				if !ok || !r.compares(l.Account.Tenant) || l.Holder == "" && (l.At.Before(r.from) || l.At.After(r.until)) {
					continue
				}
				if err := visit(ctx, row.Key, l); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (r *run) compares(tenant string) bool { return r.Tenant == "" || r.Tenant == tenant }

// add adds a key to the sum of its account, or subtracts it.
func (r *run) add(a event.Account, key table.Key, l derived.Lead, n int64) {
	of, value := r.hash(a.String()), r.hash(key.PK+"\x00"+key.SK)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sums[of]
	if s == nil {
		s = &sum{}
		r.sums[of] = s
	}
	s.keys += uint64(n) * value
	if l.Holder != "" {
		s.holders += n
	} else {
		s.index += n
	}
}

func (r *run) hash(text string) uint64 { return maphash.String(r.seed, text) }

// accounts compares the accounts of the journal, many at once.
func (r *run) accounts(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	var failed error
	for a, err := range readmodel.AllAccounts(within, r.Journal) {
		if err != nil {
			failed = err
			break
		}
		if r.compares(a.Tenant) {
			group.Go(func() error {
				defer r.Progress.Add(1)
				return r.account(within, a)
			})
		}
	}
	return errors.Join(group.Wait(), failed)
}

// account compares the further rows of an account with its row, and with the entries that the row
// was folded from.
func (r *run) account(ctx context.Context, a event.Account) error {
	row, holder, err := r.row(ctx, a)
	version := row.Number("version")
	if err != nil || version == 0 {
		return err
	}
	err = r.indexed(ctx, a, version, r.from, func(key table.Key, _ int64) error {
		r.add(a, key, derived.Lead{}, -1)
		return nil
	})
	if err != nil {
		return err
	}
	if holder != "" {
		key := derived.HolderKey(r.generation, a, holder)
		r.add(a, key, derived.Lead{Holder: holder}, -1)
		if r.hasHolderRow(row) {
			err = r.holder(ctx, a, key, row)
		}
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	s, of := sum{}, r.hash(a.String())
	if has := r.sums[of]; has != nil {
		s = *has
	}
	r.strays += max(0, s.index)
	if s.holders <= 0 {
		delete(r.sums, of)
	}
	r.mu.Unlock()
	if s.keys == 0 {
		return nil
	}
	if row["unindexed"] == nil {
		return nil // an older program folded it, or one without the index
	}
	return r.missing(ctx, a, row.Number("unindexed"), version)
}

// indexed calls visit with each key that the index should have of an account from a time on and up
// to a version, and with the version of its entry. It ends at an entry that cannot be read, which
// the audit of the journal names.
func (r *run) indexed(ctx context.Context, a event.Account, version int64, from time.Time, visit func(key table.Key, version int64) error) error {
	for e, err := range r.Journal.Backward(ctx, a, version) {
		var newer *event.FormatError
		switch {
		case errors.Is(err, event.ErrDamaged) || errors.As(err, &newer):
			return nil
		case err != nil:
			return fmt.Errorf("journal of %s: %w", a, err)
		case e.RecordedAt.Before(from):
			return nil
		case e.RecordedAt.After(r.until):
			continue
		}
		for _, row := range derived.OfEntry(r.generation, e) {
			if err := visit(row.Key, e.First); err != nil {
				return err
			}
		}
	}
	return nil
}

// row returns an account's row of the read model, nil if it has none, and its holder.
func (r *run) row(ctx context.Context, a event.Account) (table.Map, string, error) {
	raw, err := r.Table.Get(ctx, r.Model, readmodel.RowKey(r.generation, a), true)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return nil, "", fmt.Errorf("read %s of %s: %w", r.Model, a, err)
	}
	prefix := readmodel.GenerationPrefix(r.generation) + a.Tenant + "#"
	return raw.Attrs, strings.TrimPrefix(raw.Attrs.Text("hk"), prefix), nil
}

// hasHolderRow reports whether a row was written by a program that first writes the one under its
// holder.
func (r *run) hasHolderRow(row table.Map) bool { return r.mark.Known() && row["unindexed"] != nil }

// holder compares the row of an account under its holder with the account's own. One that is ahead
// was written before its account's row, which follows.
func (r *run) holder(ctx context.Context, a event.Account, key table.Key, row table.Map) error {
	there, err := r.Table.Get(ctx, derived.Table, key, true)
	version := row.Number("version")
	switch {
	case errors.Is(err, table.ErrNotFound):
		r.found(readmodel.Difference{Account: a, Version: version, What: "its row under holder " + holderOf(key) + " is missing"})
		return nil
	case err != nil:
		return fmt.Errorf("read %s of %s: %w", derived.Table, a, err)
	case there.Attrs.Number("version") > version:
		return nil
	case there.Attrs.Number("version") < version:
		r.found(readmodel.Difference{Account: a, Version: version, What: fmt.Sprintf("its row under holder %s is at v%d", holderOf(key), there.Attrs.Number("version"))})
		return nil
	}
	for _, name := range []string{"currency", "status", "posted", "held", "limit", "as_of"} {
		if there.Attrs[name] != row[name] {
			r.found(readmodel.Difference{
				Account: a, Version: version, What: fmt.Sprintf("its row under holder %s differs from its own in %s", holderOf(key), name),
				Expected: fmt.Sprint(row[name]), Found: fmt.Sprint(there.Attrs[name]),
			})
		}
	}
	return nil
}

// holderOf returns whose a row under a holder is.
func holderOf(key table.Key) string { return key.PK[strings.LastIndexByte(key.PK, '#')+1:] }

// missing looks for each row that the index should have of an account after a version and up to
// another: up to the first an older program may have folded the entries.
func (r *run) missing(ctx context.Context, a event.Account, after, version int64) error {
	if !r.mark.Known() || r.mark.Off {
		return nil
	}
	from := r.from // rows expire while this runs
	if oldest := r.Now().Add(margin - derived.Retention); from.Before(oldest) {
		from = oldest
	}
	first, count := int64(0), 0
	err := r.indexed(ctx, a, version, from, func(key table.Key, version int64) error {
		if version <= after {
			return nil
		}
		_, err := r.Table.Get(ctx, derived.Table, key, true)
		switch {
		case errors.Is(err, table.ErrNotFound):
			first, count = version, count+1
		case err != nil:
			return fmt.Errorf("read %s %s: %w", derived.Table, key.PK, err)
		}
		return nil
	})
	if err == nil && count > 0 {
		r.found(readmodel.Difference{Account: a, Version: first, What: fmt.Sprintf("%d rows of the index of events are missing", count)})
	}
	return err
}

// foreign names the rows under holders that the accounts do not have.
func (r *run) foreign(ctx context.Context) error {
	suspects := false
	for _, s := range r.sums {
		suspects = suspects || s.holders > 0
	}
	if !suspects {
		return nil
	}
	return r.scan(ctx, func(ctx context.Context, key table.Key, l derived.Lead) error {
		if s := r.sums[r.hash(l.Account.String())]; l.Holder == "" || s == nil || s.holders <= 0 {
			return nil
		}
		row, holder, err := r.row(ctx, l.Account)
		if err != nil || holder == l.Holder && row.Number("version") > 0 {
			return err
		}
		r.found(readmodel.Difference{Account: l.Account, What: "a row under holder " + l.Holder + ", whose account it is not", Foreign: true})
		return nil
	})
}
