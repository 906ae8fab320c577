package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

// accountsAtOnce is how many accounts are compared at once.
const accountsAtOnce = 32

// rowSK is the sort key of every row.
const rowSK = "-"

// Config configures Run. All but Tenant is required.
type Config struct {
	Table table.Table
	// Name is that of the table of deliveries.
	Name     string
	Journal  readmodel.Journal
	Registry *webhook.Registry
	// Tenant, if not empty, is the only one whose webhooks are compared.
	Tenant string
	// Settled is the time from which on entries may still be on their way.
	Settled time.Time
}

// Kind is what is wrong with a row.
type Kind int

// The kinds of differences.
const (
	// Lacking: the row does not know of an event that is to be sent.
	Lacking Kind = iota
	// Wrong: the row contradicts the journal or itself.
	Wrong
	// Orphan: there is no such endpoint, or no such account.
	Orphan
	// Unknown: the row has a key that no program of the bank writes.
	Unknown
)

// Difference is one row that is not as the journal has it.
type Difference struct {
	Kind Kind
	// Endpoint is nil of an orphan and of an unknown row.
	Endpoint *webhook.Endpoint
	Account  event.Account
	Key      table.Key
	Version  int64
	What     string
}

// Compared counts what was compared.
type Compared struct {
	Endpoints int `json:"endpoints"`
	Rows      int `json:"rows"`
}

// run is a comparison.
type run struct {
	Config
	found func(Difference)

	mu    sync.Mutex
	rows  int
	known map[string]*webhook.Endpoint // nil for one that is being removed
}

// Run compares the rows of all endpoints, and calls found for each difference, one call at a time.
// Programs may send at the same time.
func Run(ctx context.Context, c Config, found func(Difference)) (Compared, error) {
	r := &run{Config: c, known: map[string]*webhook.Endpoint{}}
	r.found = func(d Difference) {
		r.mu.Lock()
		defer r.mu.Unlock()
		found(d)
	}
	set, err := r.learn(ctx)
	if err != nil {
		return Compared{}, err
	}
	done := Compared{}
	of := map[string][]*webhook.Endpoint{}
	for _, e := range set.All() {
		if c.Tenant == "" || c.Tenant == e.Tenant {
			of[e.Tenant] = append(of[e.Tenant], e)
			done.Endpoints++
		}
	}
	if len(set.All())+len(set.Removed()) == 0 {
		return done, nil // the table may not even be there
	}
	err = r.accounts(ctx, of)
	if err == nil {
		err = r.orphans(ctx)
	}
	if err != nil {
		return Compared{}, fmt.Errorf("compare the rows of %s with the journal: %w", c.Name, err)
	}
	done.Rows = r.rows
	return done, nil
}

// learn reads the endpoints as they are.
func (r *run) learn(ctx context.Context) (*webhook.Set, error) {
	set, err := r.Registry.Current(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range set.All() {
		r.known[e.ID] = e
	}
	for _, e := range set.Removed() {
		r.known[e.ID] = nil
	}
	return set, nil
}

// accounts compares the accounts of the journal with the endpoints of their tenants.
func (r *run) accounts(ctx context.Context, of map[string][]*webhook.Endpoint) error {
	if len(of) == 0 {
		return nil
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	var failed error
	for a, err := range readmodel.AllAccounts(within, r.Journal) {
		if err != nil {
			failed = err
			break
		}
		for _, e := range of[a.Tenant] {
			if e.Of(a) {
				group.Go(func() error { return r.account(within, e, a) })
			}
		}
	}
	return errors.Join(group.Wait(), failed)
}

// account compares the row of an account with the journal, which is read after it: no row is ahead.
func (r *run) account(ctx context.Context, e *webhook.Endpoint, a event.Account) error {
	key := table.Key{PK: e.ID + "#" + a.String(), SK: rowSK}
	row, err := r.Table.Get(ctx, r.Name, key, true)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return fmt.Errorf("read %s: %w", key.PK, err)
	}
	has, seen := err == nil, row.Attrs.Number("seen")
	head, wanted, err := r.journalOf(ctx, e, a, seen)
	var newer *event.FormatError
	switch {
	case errors.Is(err, event.ErrDamaged) || errors.As(err, &newer):
		return nil // the audit of the journal names it
	case err != nil:
		return fmt.Errorf("journal of %s: %w", a, err)
	}
	d := Difference{Kind: Wrong, Endpoint: e, Account: a, Key: key, Version: seen}
	if has {
		if d.What = contradiction(e, a, row.Attrs, head); d.What != "" {
			r.found(d)
			return nil
		}
	}
	if wanted > seen {
		d.Kind, d.Version = Lacking, wanted
		d.What = fmt.Sprintf("nothing of the account is noted to be sent to %s", e.ID)
		if has {
			d.What = fmt.Sprintf("only what is up to v%d is noted to be sent to %s", seen, e.ID)
		}
		r.found(d)
	}
	return nil
}

// contradiction returns what a row has that cannot be, or "".
func contradiction(e *webhook.Endpoint, a event.Account, row table.Map, head int64) string {
	next, seen, state := row.Number("next"), row.Number("seen"), row.Text("state")
	switch {
	case row.Text("endpoint") != e.ID || row.Text("tenant") != a.Tenant || row.Text("account_id") != a.ID:
		return fmt.Sprintf("the row for %s names another account or webhook", e.ID)
	case seen > head:
		return fmt.Sprintf("the row for %s is ahead of the journal, which is at v%d", e.ID, head)
	case next < 1 || next > seen+1:
		return fmt.Sprintf("the row for %s would continue at v%d", e.ID, next)
	case state == "delivered" && next <= seen:
		return fmt.Sprintf("the row for %s says that everything was sent, and v%d is next", e.ID, next)
	case state != "delivered" && next > seen:
		return fmt.Sprintf("the row for %s is %q, and nothing is left to send", e.ID, state)
	case state != "delivered" && state != "pending" && state != "dead" || row.Text("listed") != e.ID+"#"+state:
		return fmt.Sprintf("the row for %s is in no list of what is to be sent", e.ID)
	}
	return ""
}

// journalOf returns the account's newest version, and the newest one after seen that has to be
// noted for the endpoint by now, 0 for none.
func (r *run) journalOf(ctx context.Context, e *webhook.Endpoint, a event.Account, seen int64) (head, wanted int64, err error) {
	from := begins(e)
	for entry, err := range r.Journal.Backward(ctx, a, 0) {
		if err != nil {
			return head, 0, err
		}
		head = max(head, entry.Last)
		if entry.Last <= seen || entry.RecordedAt.Before(from) {
			break
		}
		if !entry.RecordedAt.After(r.Settled) && e.WantsAny(entry) {
			return head, entry.Last, nil
		}
	}
	return head, 0, nil
}

// begins returns the time from which on what an endpoint wants has to be noted. Around the moment
// at which it was made, or its filter changed, both are right: clocks differ.
func begins(e *webhook.Endpoint) time.Time {
	live := e.Created
	if e.Filtered.After(live) {
		live = e.Filtered
	}
	if e.Filtered.IsZero() && e.Backfilled == webhook.Complete && e.Since.Before(e.Created.Add(-journal.MaxSkew)) {
		return e.Since // the accounts from before were found
	}
	return live.Add(journal.MaxSkew)
}

// orphans visits all rows, and finds those of endpoints or accounts that there are not.
func (r *run) orphans(ctx context.Context) error {
	for row, err := range table.ScanRows(ctx, r.Table, table.Scan{Table: r.Name, Of: 1}) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", r.Name, err)
		}
		endpoint, rest, _ := strings.Cut(row.PK, "#")
		a, ok := event.ParseAccount(rest)
		if !ok || row.SK != rowSK || !webhook.ValidID(endpoint) {
			r.found(Difference{Kind: Unknown, Key: row.Key, What: fmt.Sprintf("a row has the key %q", row.PK)})
			continue
		}
		if r.Tenant != "" && r.Tenant != a.Tenant {
			continue
		}
		r.rows++
		if err := r.orphan(ctx, endpoint, a, row.Key); err != nil {
			return err
		}
	}
	return nil
}

// orphan reports a row whose endpoint or account is not there. An endpoint may be newer than those
// that are known.
func (r *run) orphan(ctx context.Context, endpoint string, a event.Account, key table.Key) error {
	e, known := r.known[endpoint]
	if !known {
		if _, err := r.learn(ctx); err != nil {
			return err
		}
		e, known = r.known[endpoint]
	}
	d := Difference{Kind: Orphan, Account: a, Key: key}
	switch {
	case !known:
		r.known[endpoint] = nil // each is looked for once
		d.What = fmt.Sprintf("a row for %s, and there is no such webhook", endpoint)
	case e == nil:
		return nil // its rows are being removed
	case e.Tenant != a.Tenant:
		d.What = fmt.Sprintf("a row for %s, which is another tenant's webhook", endpoint)
	default:
		for _, err := range r.Journal.Backward(ctx, a, 0) {
			var newer *event.FormatError
			if err != nil && !errors.Is(err, event.ErrDamaged) && !errors.As(err, &newer) {
				return fmt.Errorf("journal of %s: %w", a, err)
			}
			return nil
		}
		d.What = fmt.Sprintf("a row for %s, of an account that the journal does not have", endpoint)
	}
	r.found(d)
	return nil
}
