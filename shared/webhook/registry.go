package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"passbook/shared/control"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

const (
	// MaxOfTenant and maxOfBank are the most endpoints: every process has all of them in memory.
	MaxOfTenant = 32
	maxOfBank   = 1024
	// attempts bounds how often a change is tried against others at that time.
	attempts = 8
)

var (
	// ErrUnknown: the tenant has no such endpoint.
	ErrUnknown = errors.New("webhook: there is no such endpoint")
	// ErrExists: the tenant has an endpoint with this URL already.
	ErrExists = errors.New("webhook: there is an endpoint with this URL")
	// ErrTooMany: there are as many endpoints as there may be.
	ErrTooMany = errors.New("webhook: too many endpoints")
)

// Config configures a Registry. Table is required.
type Config struct {
	Table table.Table
	// Keys wraps the secrets, for the bank of this id. A registry without it reads endpoints
	// without the texts of their secrets, and changes none.
	Keys keywrap.Wrapper
	Bank string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log gets rows that cannot be read; nil is slog.Default.
	Log *slog.Logger
}

// Registry reads and changes the endpoints of a bank. It is safe for concurrent use.
type Registry struct {
	config Config
	rows   control.Rows

	mu    sync.Mutex
	known *Set
}

// NewRegistry returns a registry.
func NewRegistry(c Config) *Registry {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Registry{config: c, rows: control.Webhooks(c.Table)}
}

// now returns the time as rows have it.
func (r *Registry) now() time.Time { return r.config.Now().UTC().Truncate(time.Microsecond) }

// Set is the endpoints of a bank at one moment.
type Set struct {
	changes  int64
	all      []*Endpoint // in the order of their ids, with those that are removed
	byTenant map[string][]*Endpoint
}

// Of returns the endpoints of a tenant, in the order of their ids.
func (s *Set) Of(tenant string) []*Endpoint { return s.byTenant[tenant] }

// All returns the endpoints of all tenants.
func (s *Set) All() []*Endpoint {
	return slices.DeleteFunc(slices.Clone(s.all), func(e *Endpoint) bool { return e.State == removed })
}

// Removed returns the endpoints whose rows are to be removed.
func (s *Set) Removed() []*Endpoint {
	return slices.DeleteFunc(slices.Clone(s.all), func(e *Endpoint) bool { return e.State != removed })
}

// Get returns an endpoint of a tenant, or ErrUnknown.
func (s *Set) Get(tenant, id string) (*Endpoint, error) {
	for _, e := range s.byTenant[tenant] {
		if e.ID == id {
			return e, nil
		}
	}
	return nil, fmt.Errorf("%w: %.64q", ErrUnknown, id)
}

// Current returns the endpoints as they are. It reads one row, and all only when one has changed.
func (r *Registry) Current(ctx context.Context) (*Set, error) {
	count, err := r.rows.Get(ctx, control.ChangesKey)
	if errors.Is(err, table.ErrNotFound) {
		return &Set{}, nil // there never was one
	}
	if err != nil {
		return nil, fmt.Errorf("read how often webhooks were changed: %w", err)
	}
	changes := count.Attrs.Number("rev")
	r.mu.Lock()
	known := r.known
	r.mu.Unlock()
	if known != nil && known.changes == changes {
		return known, nil
	}
	set, err := r.read(ctx, known)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || r.known.changes <= set.changes {
		r.known = set
	}
	return set, nil
}

// read reads all endpoints. Secrets that were unwrapped before are taken from known.
func (r *Registry) read(ctx context.Context, known *Set) (*Set, error) {
	set := &Set{byTenant: map[string][]*Endpoint{}}
	for row, err := range r.rows.List(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read webhooks: %w", err)
		}
		if row.SK == control.ChangesKey {
			set.changes = row.Attrs.Number("rev")
			continue
		}
		e, err := parse(row)
		if err != nil {
			r.config.Log.Error("a webhook is not served; add it again, and remove its row", "error", err)
			continue
		}
		set.all = append(set.all, e)
		if e.State == removed {
			continue
		}
		if err := r.unwrap(ctx, e, known); err != nil {
			return nil, err
		}
		set.byTenant[e.Tenant] = append(set.byTenant[e.Tenant], e)
	}
	return set, nil
}

// unwrap sets the texts of an endpoint's secrets.
func (r *Registry) unwrap(ctx context.Context, e *Endpoint, known *Set) error {
	if r.config.Keys == nil {
		return nil
	}
	for i := range e.Secrets {
		s := &e.Secrets[i]
		if s.Text = known.secret(e.ID, s.ID); s.Text != "" {
			continue
		}
		plain, err := r.config.Keys.Unwrap(ctx, r.config.Bank, s.wrapped)
		switch {
		case errors.Is(err, keywrap.ErrRefused):
			r.config.Log.Error("a secret of a webhook cannot be unwrapped, so nothing is signed with it; rotate it", "webhook", e.ID, "secret", s.ID, "error", err)
		case err != nil:
			return fmt.Errorf("unwrap a secret of webhook %s: %w", e.ID, err)
		}
		s.Text = string(plain)
	}
	return nil
}

// secret returns the text of a secret that is known, or "".
func (s *Set) secret(endpoint, id string) string {
	if s == nil {
		return ""
	}
	for _, e := range s.all {
		for _, known := range e.Secrets {
			if e.ID == endpoint && known.ID == id {
				return known.Text
			}
		}
	}
	return ""
}

// wrap wraps those secrets of an endpoint that are not.
func (r *Registry) wrap(ctx context.Context, e *Endpoint) error {
	for i := range e.Secrets {
		s := &e.Secrets[i]
		if s.wrapped != nil {
			continue
		}
		wrapped, err := r.config.Keys.Wrap(ctx, r.config.Bank, []byte(s.Text))
		if err != nil {
			return fmt.Errorf("wrap a secret of webhook %s: %w", e.ID, err)
		}
		s.wrapped = wrapped
	}
	return nil
}

// store writes an endpoint over its revision, and raises the count of changes with it. was is the
// set that the change was decided on.
func (r *Registry) store(ctx context.Context, was *Set, e *Endpoint) error {
	if err := r.wrap(ctx, e); err != nil {
		return err
	}
	before := control.Revision(e.rev)
	e.rev++
	return r.config.Table.Transact(ctx, []table.Put{
		r.rows.Over(e.ID, e.attrs(), before),
		r.rows.Over(control.ChangesKey, table.Map{"rev": table.N(was.changes + 1)}, control.Revision(was.changes)),
	})
}

// change applies a change to a fresh copy of the endpoints until no other comes between.
func (r *Registry) change(ctx context.Context, plan func(*Set) (*Endpoint, error)) (*Endpoint, error) {
	var err error
	for range attempts {
		var set *Set
		if set, err = r.Current(ctx); err != nil {
			return nil, err
		}
		var e *Endpoint
		if e, err = plan(set); err != nil {
			return nil, err
		}
		err = r.store(ctx, set, e)
		if err == nil {
			return e, nil
		}
		if !errors.Is(err, table.ErrConditionFailed) && !errors.Is(err, table.ErrConflict) {
			break
		}
	}
	return nil, fmt.Errorf("store a webhook: %w", err)
}
