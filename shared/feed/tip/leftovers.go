package tip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"passbook/shared/control"
	"passbook/shared/stream"
	"passbook/shared/table"
)

const (
	// aliveEvery is how often a process counts up the row of its consumer, and deadAfter when it is
	// dead that does not.
	aliveEvery = 20 * time.Second
	deadAfter  = 3 * time.Minute
	// sweepEvery is how often the consumers of dead processes are looked for.
	sweepEvery = time.Minute
	// strayAfter is how old a consumer without a row is that no process will write one for.
	strayAfter = 10 * time.Minute
)

// consumerPrefix is how the names of feeds' consumers begin.
const consumerPrefix = "feed-"

// isConsumer reports whether a name is one that a process of the bank gives its consumer.
func isConsumer(name string) bool {
	unique, ours := strings.CutPrefix(name, consumerPrefix)
	id, err := uuid.Parse(unique)
	return ours && err == nil && id.String() == unique
}

// leftovers removes the consumers of processes that died.
type leftovers struct {
	watch control.Watch
	swept time.Time
}

func (l *leftovers) remove(ctx context.Context, t *Tips) error {
	if time.Since(l.swept) < sweepEvery {
		return nil
	}
	l.swept = time.Now()
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	epochs, rows := map[string]int64{}, map[string]table.Row{}
	for row, err := range t.rows.Under(ctx, consumerPrefix) {
		if err != nil {
			return fmt.Errorf("list the feeds of the fleet: %w", err)
		}
		epoch, err := epochOf(row)
		if err != nil {
			return err
		}
		epochs[row.SK], rows[row.SK] = epoch, row
	}
	l.watch.Observe(epochs, l.swept)
	consumers, err := t.subscriber.Consumers(ctx, t.config.Stream)
	if err != nil {
		return err
	}
	registered := map[string]stream.Consumer{}
	for _, c := range consumers {
		if strings.HasPrefix(c.Name, consumerPrefix) && c.Name != t.consumer {
			registered[c.Name] = c
		}
	}
	return errors.Join(l.removeDead(ctx, t, rows, registered), l.removeStrays(ctx, t, rows, registered))
}

// removeDead removes those whose row did not move for long.
func (l *leftovers) removeDead(ctx context.Context, t *Tips, rows map[string]table.Row, registered map[string]stream.Consumer) error {
	for name, row := range rows {
		if name == t.consumer || l.watch.Silent(name, l.swept) < deadAfter {
			continue
		}
		if err := l.deregister(ctx, t, name, registered); err != nil {
			return err
		}
		if err := t.rows.Delete(ctx, name, t.rows.Version(row)); err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return fmt.Errorf("delete the row of the feed's consumer %s: %w", name, err)
		}
	}
	return nil
}

// removeStrays removes those that have no row, and a name that only processes of the bank give.
func (l *leftovers) removeStrays(ctx context.Context, t *Tips, rows map[string]table.Row, registered map[string]stream.Consumer) error {
	for name, c := range registered {
		if _, has := rows[name]; has || !isConsumer(name) || time.Since(c.Created) < strayAfter {
			continue
		}
		if err := l.deregister(ctx, t, name, registered); err != nil {
			return err
		}
	}
	return nil
}

func (l *leftovers) deregister(ctx context.Context, t *Tips, name string, registered map[string]stream.Consumer) error {
	if _, there := registered[name]; !there {
		return nil
	}
	if err := t.subscriber.Deregister(ctx, t.config.Stream, name); err != nil {
		return err
	}
	t.config.Log.Info("removed the feed's consumer of a process that is dead", "consumer", name)
	return nil
}
