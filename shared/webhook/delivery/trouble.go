package delivery

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

const (
	// namedMost bounds the dead accounts of an endpoint that are named.
	namedMost = 20
	// troubleFresh is how long what was found is kept: it takes a query for each endpoint.
	troubleFresh = 10 * time.Second
)

// Trouble is what a person should look at of an endpoint.
type Trouble struct {
	ID, Tenant, Host string
	// Gone means that it answered 410 and is paused.
	Gone bool
	// Dead are the first accounts that were given up, since Since for the first of them; More means
	// that there are others.
	Dead  []event.Account
	More  bool
	Since time.Time
}

// Troubles finds the endpoints that a person should look at. It is safe for concurrent use.
type Troubles struct {
	registry *webhook.Registry
	store    *Store

	mu    sync.Mutex
	at    time.Time
	found []Trouble
}

// NewTroubles returns what finds the endpoints that a person should look at among those of a
// registry, for a process that sends nothing. now is the clock.
func NewTroubles(t table.Table, registry *webhook.Registry, now func() time.Time) *Troubles {
	return &Troubles{registry: registry, store: NewStore(t, nil, now)}
}

// Troubles returns what finds the endpoints that a person should look at.
func (d *Deliverer) Troubles() *Troubles {
	return &Troubles{registry: d.config.Registry, store: d.store}
}

// List returns the endpoints of all tenants that a person should look at, as they were at most
// troubleFresh ago.
func (t *Troubles) List(ctx context.Context) ([]Trouble, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.store.now()
	if age := now.Sub(t.at); age >= 0 && age < troubleFresh {
		return t.found, nil
	}
	set, err := t.registry.Current(ctx)
	if err != nil {
		return nil, err
	}
	var found []Trouble
	for _, e := range set.All() {
		one := Trouble{ID: e.ID, Tenant: e.Tenant, Gone: e.State == webhook.Paused && e.Cause == causeGone}
		if u, err := url.Parse(e.URL); err == nil {
			one.Host = u.Host // the rest may be secret
		}
		if err := t.store.dead(ctx, &one); err != nil {
			return nil, err
		}
		if one.Gone || len(one.Dead) > 0 {
			found = append(found, one)
		}
	}
	t.at, t.found = now, found
	return found, nil
}

// dead names the first accounts that were given up.
func (s *Store) dead(ctx context.Context, one *Trouble) error {
	page, err := s.table.Query(ctx, table.Query{Table: Table, Index: indexState, PK: listed(one.ID, Dead), Limit: namedMost + 1})
	if err != nil {
		return fmt.Errorf("list the dead accounts of %s: %w", one.ID, err)
	}
	for i, item := range page.Rows {
		if i == 0 {
			one.Since = time.UnixMilli(item.Attrs.Number(stateSK)).UTC()
		}
		if _, a, ok := parseKey(item.PK); ok && len(one.Dead) < namedMost {
			one.Dead = append(one.Dead, a)
		}
	}
	one.More = len(page.Rows) > namedMost
	return nil
}
