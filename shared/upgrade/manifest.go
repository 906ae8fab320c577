package upgrade

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/origin"
)

const (
	// accountsAtOnce is how many accounts are read at once, and accountsInMemory how many are held
	// with their heads.
	accountsAtOnce   = 32
	accountsInMemory = 1024
)

// taken is a manifest that was written: its sum, how many accounts it has, and how many of them the
// manifest before has not, or not so far. The sum is empty where none was written, as the manifest
// before has all.
type taken struct {
	sum            string
	accounts, late int64
	damaged        []string
}

// takeLater takes the manifest of a bank, on that which the bank's row names, if it names one.
func takeLater(ctx context.Context, c Config, bank origin.Bank) (taken, error) {
	if bank.Heads == "" {
		return takeManifest(ctx, c, bank, nil)
	}
	before, err := origin.LoadHeads(ctx, c.Bucket, bank.Heads)
	if err != nil {
		return taken{}, err
	}
	return takeManifest(ctx, c, bank, before)
}

// takeManifest lists the last entry of an older format of each account. Beside the manifest that is
// written it holds a few thousand accounts in memory, with any number of them. The manifest before,
// if there is one, says where the accounts stood when no such entry could be written any more: of
// those only the newest entry is read.
func takeManifest(ctx context.Context, c Config, bank origin.Bank, before *origin.Heads) (t taken, err error) {
	keys, err := origin.SigningKeyring(ctx, c.Table, c.Keys, bank)
	if err == nil { // an archive without its tables needs the key that signs the manifest
		err = origin.CopyKeys(ctx, c.Table, c.Bucket, bank.ID, bank.Key)
	}
	if err != nil {
		return t, err
	}
	draft := origin.NewManifest(c.Bucket, bank.ID, bank.Format, keys)
	c.Progress.Begin("list the heads", "accounts", 0)
	s := scan{config: c, bank: bank, before: before}
	for batch, err := range batches(allAccounts(ctx, c)) {
		if err != nil {
			return t, err
		}
		heads, err := s.heads(ctx, batch)
		if err != nil {
			return t, err
		}
		for i, h := range heads {
			if h.damaged && len(t.damaged) < mostNamed {
				t.damaged = append(t.damaged, batch[i].String())
			}
			if h.late {
				t.late++
			}
			if h.found {
				t.accounts++
				if err := draft.Add(ctx, h.Head); err != nil {
					return t, err
				}
			}
		}
		c.Progress.Add(int64(len(batch)))
	}
	if before != nil && t.late == 0 {
		return t, nil
	}
	t.sum, err = draft.Close(ctx)
	return t, err
}

// scan finds the heads of accounts.
type scan struct {
	config Config
	bank   origin.Bank
	before *origin.Heads
}

// found is the head of an account, if it has one.
type found struct {
	origin.Head
	found, late bool
	// damaged says that the journal has a row of the account that is no entry.
	damaged bool
}

// heads returns the heads of accounts, in their order.
func (s scan) heads(ctx context.Context, accounts []event.Account) ([]found, error) {
	heads := make([]found, len(accounts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	for i, a := range accounts {
		group.Go(func() (err error) {
			heads[i], err = s.head(ctx, a)
			return err
		})
	}
	return heads, group.Wait()
}

// head returns the last entry of an account in a format before the bank's.
func (s scan) head(ctx context.Context, a event.Account) (found, error) {
	var known found
	if s.before != nil {
		var err error
		if known.Head, known.found, err = s.before.Of(ctx, a); err != nil {
			return known, err
		}
	}
	for e, err := range s.config.Journal.Backward(ctx, a, 0) {
		if errors.Is(err, event.ErrDamaged) {
			return s.readable(ctx, a, known)
		}
		if err != nil {
			return known, fmt.Errorf("read the last entry of %s: %w", a, err)
		}
		switch {
		case e.Format < s.bank.Format && e.Last != known.Version:
			return found{Head: origin.Head{Account: a, Version: e.Last, Hash: e.Hash}, found: true, late: s.before != nil}, nil
		case e.Format < s.bank.Format, s.before != nil: // a newer entry leads to those before it
			return known, nil
		}
	}
	return known, nil
}

// readable returns the last entry of an older format before the first row of an account that is no
// entry. What is behind the damage cannot be chained to anything, with or without a manifest.
func (s scan) readable(ctx context.Context, a event.Account, known found) (found, error) {
	head := known
	head.damaged = true
	for e, err := range s.config.Journal.Entries(ctx, a, 1, 0) {
		switch {
		case errors.Is(err, event.ErrDamaged):
			return head, nil
		case err != nil:
			return known, fmt.Errorf("read the entries of %s: %w", a, err)
		case e.Format < s.bank.Format && e.Last > head.Version:
			head.Head, head.found, head.late = origin.Head{Account: a, Version: e.Last, Hash: e.Hash}, true, s.before != nil
		}
	}
	return head, nil
}

// allAccounts yields the accounts of the journal in the order of their partition keys, by merging
// those of the hash buckets, each of which is in that order.
func allAccounts(ctx context.Context, c Config) iter.Seq2[event.Account, error] {
	return func(yield func(event.Account, error) bool) {
		var runs [len(event.HashBuckets)]accountRun
		for i := range runs {
			next, stop := iter.Pull2(accountsOf(ctx, c, event.HashBuckets[i]))
			defer stop()
			runs[i].next = next
			runs[i].advance()
		}
		for {
			var first *accountRun
			for i := range runs {
				r := &runs[i]
				switch {
				case r.err != nil:
					yield(event.Account{}, r.err)
					return
				case r.more && (first == nil || strings.Compare(r.account.String(), first.account.String()) < 0):
					first = r
				}
			}
			if first == nil || !yield(first.account, nil) {
				return
			}
			first.advance()
		}
	}
}

// accountRun is the next account of a hash bucket.
type accountRun struct {
	next    func() (event.Account, error, bool)
	account event.Account
	err     error
	more    bool
}

func (r *accountRun) advance() { r.account, r.err, r.more = r.next() }

// accountsOf yields the accounts of a hash bucket.
func accountsOf(ctx context.Context, c Config, bucket byte) iter.Seq2[event.Account, error] {
	return func(yield func(event.Account, error) bool) {
		for after, more := "", true; more; {
			accounts, next, err := c.Journal.Accounts(ctx, bucket, after)
			if err != nil {
				yield(event.Account{}, err)
				return
			}
			for _, a := range accounts {
				if !yield(a, nil) {
					return
				}
			}
			after, more = next, next != ""
		}
	}
}

// batches yields accounts in slices, and an error as the last element.
func batches(accounts iter.Seq2[event.Account, error]) iter.Seq2[[]event.Account, error] {
	return func(yield func([]event.Account, error) bool) {
		batch := make([]event.Account, 0, accountsInMemory)
		for a, err := range accounts {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, a); len(batch) == cap(batch) {
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
