package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/journal"
	"passbook/shared/table"
)

// Create stores an endpoint with a new secret, and returns it. Of e it takes Tenant, URL,
// Description, Types, Accounts, Since and CreatedBy; with a zero Since and no fromStart, what is
// recorded from now on is sent, by the clock of a writer that may be journal.MaxSkew behind.
func (r *Registry) Create(ctx context.Context, e Endpoint, fromStart bool) (*Endpoint, error) {
	e.ID, e.State = newID(idPrefix), Active
	e.Secrets = []Secret{newSecret(r.now())}
	// it may take long: the endpoint's time is taken afterwards
	if err := r.wrap(ctx, &e); err != nil {
		return nil, err
	}
	return r.change(ctx, func(set *Set) (*Endpoint, error) {
		if len(set.Of(e.Tenant)) >= MaxOfTenant {
			return nil, fmt.Errorf("%w: the tenant has %d", ErrTooMany, MaxOfTenant)
		}
		if len(set.all) >= maxOfBank {
			return nil, fmt.Errorf("%w: the bank has %d", ErrTooMany, maxOfBank)
		}
		for _, other := range set.Of(e.Tenant) {
			if other.URL == e.URL {
				return nil, fmt.Errorf("%w: %s", ErrExists, other.ID)
			}
		}
		created := e.copy()
		created.Created = r.now()
		if e.Since.IsZero() && !fromStart {
			created.Since, created.Backfilled = created.Created.Add(-journal.MaxSkew), Complete
		}
		return created, nil
	})
}

// copy returns an endpoint that may be changed.
func (e *Endpoint) copy() *Endpoint {
	c := *e
	c.Secrets = slices.Clone(e.Secrets)
	return &c
}

// Update has change change an endpoint of a tenant, and stores it.
func (r *Registry) Update(ctx context.Context, tenant, id string, change func(*Endpoint)) (*Endpoint, error) {
	return r.change(ctx, func(set *Set) (*Endpoint, error) {
		e, err := set.Get(tenant, id)
		if err != nil {
			return nil, err
		}
		changed := e.copy()
		change(changed)
		if !slices.Equal(changed.Types, e.Types) || !slices.Equal(changed.Accounts, e.Accounts) {
			changed.Filtered = r.now()
		}
		for _, other := range set.Of(tenant) {
			if other.URL == changed.URL && other.ID != id {
				return nil, fmt.Errorf("%w: %s", ErrExists, other.ID)
			}
		}
		return changed, nil
	})
}

// Pause pauses an endpoint for a cause, which people read.
func (r *Registry) Pause(ctx context.Context, tenant, id, cause string) (*Endpoint, error) {
	return r.Update(ctx, tenant, id, func(e *Endpoint) { e.State, e.Cause = Paused, cause })
}

// Rotate gives an endpoint another secret. The one it had signs too for a time, 24 hours where keep
// is negative. The oldest that still signs continues to its end: it may be the only one that the
// receiver has, if the answer of the rotation before was lost. With a keep of 0 the new one alone
// signs.
func (r *Registry) Rotate(ctx context.Context, tenant, id string, keep time.Duration) (*Endpoint, error) {
	if keep < 0 {
		keep = secretLife
	}
	at := r.now()
	made := newSecret(at)
	return r.Update(ctx, tenant, id, func(e *Endpoint) {
		older := e.Secrets[0]
		older.Expires = at.Add(keep)
		secrets := []Secret{made}
		if keep > 0 {
			secrets = append(secrets, older)
			if oldest := e.Secrets[len(e.Secrets)-1]; at.Before(oldest.Expires) { // the newest never ends
				secrets = append(secrets, oldest)
			}
		}
		e.Secrets = secrets
	})
}

// Remove has nobody know an endpoint any more. Package delivery then removes its rows, and calls
// Forget.
func (r *Registry) Remove(ctx context.Context, tenant, id string) (*Endpoint, error) {
	return r.Update(ctx, tenant, id, func(e *Endpoint) { e.State = removed })
}

// Forget removes the row of an endpoint that was removed.
func (r *Registry) Forget(ctx context.Context, e *Endpoint) error {
	err := r.rows.Delete(ctx, e.ID, table.N(e.rev))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("remove webhook %s: %w", e.ID, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = nil // the count of changes stays
	return nil
}
