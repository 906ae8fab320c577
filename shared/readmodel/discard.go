package readmodel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// deletesAtOnce is how many rows Discard deletes at once: each waits for a round trip or an fsync,
// and the embedded engine syncs those that wait together.
const deletesAtOnce = 64

// DiscardConfig configures Discard. Table, Model, Stream and Generation are required.
type DiscardConfig struct {
	Table  table.Table
	Model  string
	Stream string
	// Further is the table of the model's further rows; empty for none.
	Further string
	// Generation is the candidate or the previous one, never the live one.
	Generation int64
	// Lease is that of the workers; 0 is consumer.DefaultLease.
	Lease time.Duration
	// Force discards a previous generation although it and the live one have not caught up with
	// each other, for example because an account is quarantined in one of them.
	Force bool
}

// Discard ends a generation and deletes its rows, leases, holes and quarantine, once its workers
// have stopped. It keeps the previous generation and returns ErrNotCaughtUp while the live one is
// behind it, or while it has not sent every message that the live one did not send as a candidate.
// After an interruption it may be called again.
func Discard(ctx context.Context, c DiscardConfig) error {
	previous := false
	_, err := changeGenerations(ctx, c.Table, c.Model, func(g *GenerationSet) error {
		if c.Generation == g.Live || c.Generation < 1 || c.Generation > g.last {
			return fmt.Errorf("discard %s: %w", c.name(), ErrGeneration)
		}
		previous = c.Generation == g.Previous
		g.Discarding = c.Generation
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.awaitWorkers(ctx); err != nil {
		return err
	}
	if previous {
		if err := c.checkCaughtUp(ctx); err != nil && !c.Force {
			_, resume := changeGenerations(ctx, c.Table, c.Model, func(g *GenerationSet) error { g.Discarding = 0; return nil })
			return errors.Join(err, resume)
		}
		_, err := changeGenerations(ctx, c.Table, c.Model, func(g *GenerationSet) error { g.Previous = 0; return nil })
		if err != nil {
			return err
		}
		// until no reader reads its rows any more
		if err := backoff.Sleep(ctx, 2*generationRefresh); err != nil {
			return err
		}
	}
	if err := c.remove(ctx); err != nil {
		return err
	}
	_, err = changeGenerations(ctx, c.Table, c.Model, func(g *GenerationSet) error {
		if g.Candidate == c.Generation {
			g.Candidate, g.Promoting = 0, 0
		}
		g.Discarding = 0
		return nil
	})
	return err
}

func (c DiscardConfig) name() string { return Name(c.Model, c.Generation) }

// awaitWorkers waits until no worker has a lease of the generation.
func (c DiscardConfig) awaitWorkers(ctx context.Context) error {
	// until every Projector knows that its worker must stop
	if err := backoff.Sleep(ctx, 2*generationRefresh); err != nil {
		return err
	}
	return consumer.AwaitStopped(ctx, c.Table, c.Stream, c.name(), c.Lease, generationRefresh)
}

// checkCaughtUp compares every row of the previous generation, which no worker writes any more,
// with the live one's, and every row of the live one with its.
func (c DiscardConfig) checkCaughtUp(ctx context.Context) error {
	g, err := LoadGenerations(ctx, c.Table, c.Model)
	if err != nil {
		return err
	}
	return c.eachRow(ctx, func(generation int64, a event.Account, row table.Row) error {
		other := map[int64]int64{c.Generation: g.Live, g.Live: c.Generation}[generation]
		if other == 0 {
			return nil
		}
		there, err := c.Table.Get(ctx, c.Model, RowKey(other, a), true)
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return fmt.Errorf("compare %s: %w", a, err)
		}
		mine, theirs := row.Attrs, there.Attrs
		_, pending := mine["pending"]
		switch {
		case generation == c.Generation && pending:
			return fmt.Errorf("%s has messages to send: %w", a, ErrNotCaughtUp)
		case generation == c.Generation && theirs.Number("version") < mine.Number("version"),
			generation == g.Live && theirs.Number("version") < mine.Number("quiet"):
			return fmt.Errorf("%s is at v%d in %s and at v%d in %s: %w", a, mine.Number("version"), Name(c.Model, generation),
				theirs.Number("version"), Name(c.Model, other), ErrNotCaughtUp)
		}
		return nil
	})
}

// remove deletes everything that the generation has.
func (c DiscardConfig) remove(ctx context.Context) error {
	err := c.deleteRows(ctx, c.Model, func(row table.Row) table.Condition { return table.Equals("rev", row.Attrs["rev"]) })
	if err == nil && c.Further != "" {
		err = c.deleteRows(ctx, c.Further, func(row table.Row) table.Condition { return table.Equals("pk", table.S(row.PK)) })
	}
	if err != nil {
		return err
	}
	if err := control.Quarantine(c.Table, c.name()).Clear(ctx); err != nil {
		return fmt.Errorf("discard %s: %w", c.name(), err)
	}
	return consumer.Forget(ctx, c.Table, c.Stream, c.name())
}

// deleteRows deletes the rows of a table that are the generation's, each under its condition.
func (c DiscardConfig) deleteRows(ctx context.Context, name string, cond func(table.Row) table.Condition) error {
	deletes, within := errgroup.WithContext(ctx)
	deletes.SetLimit(deletesAtOnce)
	var scanned error
	for row, err := range table.ScanRows(within, c.Table, table.Scan{Table: name, Of: 1}) {
		if err != nil {
			scanned = fmt.Errorf("scan %s: %w", name, err)
			break
		}
		if strings.HasPrefix(row.PK, GenerationPrefix(c.Generation)) {
			deletes.Go(func() error {
				err := c.Table.Delete(within, name, row.Key, cond(row))
				if err != nil && !errors.Is(err, table.ErrConditionFailed) {
					return fmt.Errorf("delete %s %s: %w", row.PK, row.SK, err)
				}
				return nil
			})
		}
	}
	if err := deletes.Wait(); err != nil { // it may be why the scan was broken off
		return err
	}
	return scanned
}

// eachRow calls visit with every row of the model, of all generations.
func (c DiscardConfig) eachRow(ctx context.Context, visit func(generation int64, a event.Account, row table.Row) error) error {
	for row, err := range table.ScanRows(ctx, c.Table, table.Scan{Table: c.Model, Of: 1}) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", c.Model, err)
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
