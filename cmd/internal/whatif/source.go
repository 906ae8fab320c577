package whatif

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
)

// accountsAtOnce is how many accounts of the journal are read concurrently: each page waits for a
// round trip.
const accountsAtOnce = 16

// Until returns the end of what is to be read.
func (r *Report) Until() time.Time {
	if r.to.IsZero() {
		return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) // no entry is later
	}
	return r.to
}

// History decides the whole history of an account again.
func (r *Report) History(of event.Account, entries []*event.Entry) error {
	a := r.Account(of)
	for _, e := range entries {
		if err := a.Add(e); err != nil {
			return err
		}
	}
	return nil
}

// Journal decides again what the journal has: of one account, or of those that keep selects where
// one is the zero Account.
func (r *Report) Journal(ctx context.Context, j *journal.Reader, one event.Account, keep func(event.Account) bool, p *progress.Tracker) error {
	if one != (event.Account{}) {
		p.Begin("decide again", "accounts", 1)
		return r.account(ctx, j, one, p)
	}
	p.Begin("decide again", "accounts", 0)
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	var failed error
	for of, err := range readmodel.AllAccounts(within, j) {
		if err != nil {
			failed = err
			break
		}
		if keep(of) {
			group.Go(func() error { return r.account(within, j, of, p) })
		}
	}
	return errors.Join(group.Wait(), failed)
}

// account decides one account's journal again, up to the end of the time that is reported.
func (r *Report) account(ctx context.Context, j *journal.Reader, of event.Account, p *progress.Tracker) error {
	var a *Account
	for e, err := range j.Entries(ctx, of, 1, 0) {
		if err != nil {
			return err
		}
		if !r.to.IsZero() && !e.RecordedAt.Before(r.to) {
			break
		}
		if a == nil {
			a = r.Account(of)
		}
		if err := a.Add(e); err != nil {
			return err
		}
	}
	p.Add(1)
	return nil
}
