package persons

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/access/oidc"
	"passbook/shared/control"
	"passbook/shared/table"
)

const (
	// maxQueued is the most names that wait to be written.
	maxQueued = 256
	// callTimeout bounds the calls for one name.
	callTimeout = 5 * time.Second
	// namesTimeout bounds the reading of the names for one answer.
	namesTimeout = time.Second
	// maxReads is how many names are read at the same time.
	maxReads = 8
	// attempts bounds how often a row is written, when others write it too.
	attempts = 3
)

// Directory knows the names of persons. It is safe for concurrent use.
type Directory struct {
	table  table.Table
	log    *slog.Logger
	queued chan named
}

// named is a person's name as a token has it.
type named struct{ tenant, actor, name string }

// New makes a Directory on the bank's tables. A log of nil is slog.Default.
func New(t table.Table, log *slog.Logger) *Directory {
	if log == nil {
		log = slog.Default()
	}
	return &Directory{table: t, log: log, queued: make(chan named, maxQueued)}
}

// Note keeps the name of an actor's person, soon. It returns at once.
func (d *Directory) Note(tenant, actor, name string) {
	select {
	case d.queued <- named{tenant, actor, name}:
	default: // its person has another token within the hour
	}
}

// Run writes the names that were noted, until ctx ends.
func (d *Directory) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-d.queued:
			if err := d.keep(ctx, n); err != nil && ctx.Err() == nil {
				d.log.Warn("the name of an actor is not kept; it will be at the person's next token", "actor", n.actor, "tenant", n.tenant, "error", err)
			}
		}
	}
}

// key returns the sort key of an actor's row.
func key(tenant, actor string) string { return tenant + "#" + actor }

// keep writes a name, unless the row has it or was erased.
func (d *Directory) keep(ctx context.Context, n named) error {
	_, err := change(ctx, d.table, n.tenant, n.actor, func(row table.Map) (table.Map, bool) {
		if erased(row) || row.Text("name") == n.name {
			return nil, false
		}
		return table.Map{"name": table.S(n.name), "since": table.Time(time.Now())}, true
	})
	return err
}

// erased reports whether the name of a row was erased.
func erased(row table.Map) bool { return row.Text("erased") != "" }

// Erase removes the name of an actor's person for good, also one that is not known yet. It reports
// whether there was one.
func Erase(ctx context.Context, t table.Table, tenant, actor string) (had bool, err error) {
	was, err := change(ctx, t, tenant, actor, func(row table.Map) (table.Map, bool) {
		return table.Map{"erased": table.Time(time.Now())}, !erased(row)
	})
	if err != nil {
		return false, fmt.Errorf("erase the name of %s: %w", actor, err)
	}
	return was.Text("name") != "", nil
}

// change writes the attributes that become returns for those of an actor's row, nil for no row. It
// returns what the row was.
func change(ctx context.Context, t table.Table, tenant, actor string, become func(was table.Map) (table.Map, bool)) (table.Map, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows := control.Actors(t)
	for try := 1; ; try++ {
		row, err := rows.Get(ctx, key(tenant, actor))
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return nil, fmt.Errorf("read the row of the actor: %w", err)
		}
		next, changed := become(row.Attrs)
		if !changed {
			return row.Attrs, nil
		}
		rev := row.Attrs.Number("rev")
		next["rev"] = table.N(rev + 1)
		err = rows.Put(ctx, key(tenant, actor), next, control.Revision(rev))
		if err == nil {
			return row.Attrs, nil
		}
		if !errors.Is(err, table.ErrConditionFailed) || try == attempts {
			return nil, fmt.Errorf("write the row of the actor: %w", err)
		}
	}
}

// Name returns the name of an actor's person, "" if it is not known or was erased.
func (d *Directory) Name(ctx context.Context, tenant, actor string) (string, error) {
	if !strings.HasPrefix(actor, oidc.ActorPrefix) {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	row, err := control.Actors(d.table).Get(ctx, key(tenant, actor))
	if errors.Is(err, table.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the name of %s: %w", actor, err)
	}
	return row.Attrs.Text("name"), nil
}

// Names returns the names of those actors that have one, as far as they can be read in
// namesTimeout: a name is never worth the failure of what it is shown beside. It reads each once.
func (d *Directory) Names(ctx context.Context, tenant string, actors []string) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, namesTimeout)
	defer cancel()
	distinct := slices.Compact(slices.Sorted(slices.Values(actors)))
	names := make([]string, len(distinct))
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(maxReads)
	for i, actor := range distinct {
		reading.Go(func() (err error) {
			names[i], err = d.Name(ctx, tenant, actor)
			return err
		})
	}
	if err := reading.Wait(); err != nil {
		d.log.Warn("names of actors are left out of an answer", "tenant", tenant, "error", err)
	}
	found := map[string]string{}
	for i, name := range names {
		if name != "" {
			found[distinct[i]] = name
		}
	}
	return found
}
