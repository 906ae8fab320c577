package delivery

import (
	"context"
	"strings"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/webhook"
)

// backfillAll finds the accounts of endpoints whose events from before are to be sent too, until
// ctx ends. Several processes may do it at once: a row is made once.
func (d *Deliverer) backfillAll(ctx context.Context) {
	for ctx.Err() == nil {
		set, err := d.config.Registry.Current(ctx)
		if err != nil {
			set = &webhook.Set{} // Run reports it
		}
		for _, e := range set.All() {
			if e.Backfilled == webhook.Complete {
				continue
			}
			if err := d.backfill(ctx, e); err != nil && ctx.Err() == nil {
				d.failed("accounts with earlier events could not be found for "+e.ID, err)
			}
		}
		_ = backoff.Sleep(ctx, d.refresh) // ctx ends the loop
	}
}

// backfill makes the rows of all accounts of an endpoint, hash bucket by hash bucket, and notes
// each in the endpoint.
func (d *Deliverer) backfill(ctx context.Context, e *webhook.Endpoint) error {
	begin := strings.Index(event.HashBuckets, e.Backfilled) + len(e.Backfilled)
	for i := begin; i < len(event.HashBuckets); i++ {
		if err := d.backfillBucket(ctx, e, event.HashBuckets[i]); err != nil {
			return err
		}
		done := event.HashBuckets[i : i+1]
		if i == len(event.HashBuckets)-1 {
			done = webhook.Complete
		}
		if _, err := d.config.Registry.Update(ctx, e.Tenant, e.ID, func(e *webhook.Endpoint) { e.Backfilled = done }); err != nil {
			return err
		}
	}
	return nil
}

// backfillBucket makes the rows of the accounts of one hash bucket.
func (d *Deliverer) backfillBucket(ctx context.Context, e *webhook.Endpoint, bucket byte) error {
	for after := ""; ; {
		accounts, next, err := d.config.Journal.Accounts(ctx, bucket, after)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			if err := d.raiseNewest(ctx, e, a); err != nil {
				return err
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// raiseNewest raises the row of an account to the end of the journal.
func (d *Deliverer) raiseNewest(ctx context.Context, e *webhook.Endpoint, a event.Account) error {
	if !e.Of(a) {
		return nil
	}
	due, err := d.store.raiseNewest(ctx, e, a)
	if due {
		d.nudge(e.ID, a)
	}
	return err
}
