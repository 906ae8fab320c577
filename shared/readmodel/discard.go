package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// Discarding configures Discard.
type Discarding struct {
	Table  table.Table
	Model  string
	Stream string
	// Generation is the candidate or the previous one, never the live one.
	Generation int64
	// Lease is that of the workers; 0 is DefaultLease.
	Lease time.Duration
	// Force discards a previous generation although another has not caught up with it, or it with
	// another, as where an account is blocked in one of them.
	Force bool
}

// Discard ends a generation and deletes its rows, leases, holes and quarantine. Its workers are
// waited for first. The previous generation is kept, and the error is ErrNotCaughtUp, while the
// live one is behind it, or it has not sent everything that the live one folded in silence.
// Interrupted, it is called again.
func Discard(ctx context.Context, d Discarding) error {
	previous := false
	_, err := changeGenerations(ctx, d.Table, d.Model, func(g *GenerationSet) error {
		if d.Generation == g.Live || d.Generation < 1 || d.Generation > g.last {
			return fmt.Errorf("discard %s: %w", Name(d.Model, d.Generation), ErrGeneration)
		}
		previous = d.Generation == g.Previous
		g.Discarding = d.Generation
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.awaitWorkers(ctx); err != nil {
		return err
	}
	if previous {
		if err := d.compare(ctx); err != nil && !d.Force {
			_, resume := changeGenerations(ctx, d.Table, d.Model, func(g *GenerationSet) error { g.Discarding = 0; return nil })
			return errors.Join(err, resume)
		}
		_, err := changeGenerations(ctx, d.Table, d.Model, func(g *GenerationSet) error { g.Previous = 0; return nil })
		if err != nil {
			return err
		}
		// until no reader asks for its rows any more
		if err := backoff.Sleep(ctx, 2*generationRefresh); err != nil {
			return err
		}
	}
	if err := d.remove(ctx); err != nil {
		return err
	}
	_, err = changeGenerations(ctx, d.Table, d.Model, func(g *GenerationSet) error {
		if g.Candidate == d.Generation {
			g.Candidate, g.Promoting = 0, 0
		}
		g.Discarding = 0
		return nil
	})
	return err
}

// awaitWorkers waits until no worker of the generation holds a lease.
func (d Discarding) awaitWorkers(ctx context.Context) error {
	// until every supervisor has heard
	if err := backoff.Sleep(ctx, 2*generationRefresh); err != nil {
		return err
	}
	return consumer.AwaitStopped(ctx, d.Table, d.Stream, Name(d.Model, d.Generation), d.Lease, generationRefresh)
}

// compare holds every row of the previous generation, which stands still now, against the live
// one's.
func (d Discarding) compare(ctx context.Context) error {
	g, err := LoadGenerations(ctx, d.Table, d.Model)
	if err != nil {
		return err
	}
	return d.eachRow(ctx, func(generation int64, a event.Account, row table.Row) error {
		other := map[int64]int64{d.Generation: g.Live, g.Live: d.Generation}[generation]
		if other == 0 {
			return nil
		}
		there, err := d.Table.Get(ctx, d.Model, RowKey(other, a), true)
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return fmt.Errorf("compare %s: %w", a.ID, err)
		}
		mine, theirs := row.Attrs, there.Attrs
		_, pending := row.Attrs["pending"]
		switch {
		case generation == d.Generation && pending:
			return fmt.Errorf("%s has messages to send: %w", a.ID, ErrNotCaughtUp)
		case generation == d.Generation && theirs.Number("version") < mine.Number("version"),
			generation == g.Live && theirs.Number("version") < mine.Number("quiet"):
			return fmt.Errorf("%s at v%d and v%d: %w", a.ID, mine.Number("version"), theirs.Number("version"), ErrNotCaughtUp)
		}
		return nil
	})
}

// remove deletes everything that the generation has.
func (d Discarding) remove(ctx context.Context) error {
	err := d.eachRow(ctx, func(generation int64, _ event.Account, row table.Row) error {
		if generation != d.Generation {
			return nil
		}
		return d.drop(ctx, d.Model, row, "rev")
	})
	if err != nil {
		return err
	}
	name := Name(d.Model, d.Generation)
	q := table.Query{Table: control.Name, PK: quarantineKey(name, "").PK, Consistent: true}
	for row, err := range table.Rows(ctx, d.Table, q) {
		if err != nil {
			return fmt.Errorf("discard %s: %w", name, err)
		}
		if err := d.drop(ctx, control.Name, row, "id"); err != nil {
			return err
		}
	}
	return consumer.Forget(ctx, d.Table, d.Stream, name)
}

// drop deletes a row that nobody changed since it was read.
func (d Discarding) drop(ctx context.Context, in string, row table.Row, attr string) error {
	err := d.Table.Delete(ctx, in, row.Key, table.Equals(attr, row.Attrs[attr]))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("delete %s: %w", row.PK, err)
	}
	return nil
}

// eachRow visits every row of the model, of all generations.
func (d Discarding) eachRow(ctx context.Context, visit func(generation int64, a event.Account, row table.Row) error) error {
	for row, err := range table.ScanRows(ctx, d.Table, table.Scan{Table: d.Model, Of: 1}) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", d.Model, err)
		}
		generation, a, ok := ParseRowKey(row.PK)
		if !ok {
			continue
		}
		if err := visit(generation, a, row); err != nil {
			return err
		}
	}
	return nil
}
