package tip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/control"
	"passbook/shared/table"
)

const (
	// leaseFor is for how long a lease that does not move belongs to its holder.
	leaseFor = 10 * time.Second
	// fence is when a holder that could not renew its lease stops to use it.
	fence = leaseFor * 4 / 5
)

// lease is a row of the control table that one process of the fleet holds by counting it up.
type lease struct {
	rows       control.Rows
	key, owner string

	mu      sync.Mutex
	epoch   int64 // of the row while this process holds it, else 0
	renewed time.Time
	since   time.Time
	holder  string // who holds it, if that is another process
	watch   control.Watch
}

// held reports whether this process holds the lease.
func (l *lease) held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch > 0 && time.Since(l.renewed) < fence
}

// heldFor returns for how long this process has held the lease, 0 if it does not.
func (l *lease) heldFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch == 0 {
		return 0
	}
	return time.Since(l.since)
}

// renewedAt returns when this process last wrote the row.
func (l *lease) renewedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.renewed
}

// other returns the process that holds the lease, empty if that is this one or not known.
func (l *lease) other() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holder
}

// step renews the lease, gives it back, or takes it if it is free or its holder is dead.
func (l *lease) step(ctx context.Context, want bool) error {
	l.mu.Lock()
	epoch := l.epoch
	l.mu.Unlock()
	switch {
	case epoch > 0 && want:
		return l.put(ctx, epoch)
	case epoch > 0:
		return l.giveBack(ctx, epoch)
	case !want:
		l.forget()
		return nil
	}
	row, err := l.rows.Get(ctx, l.key)
	if errors.Is(err, table.ErrNotFound) {
		l.forget()
		return l.put(ctx, 0)
	}
	if err != nil {
		return fmt.Errorf("read the lease %s of the feed: %w", l.key, err)
	}
	found, err := epochOf(row)
	if err != nil {
		return err
	}
	holder, _ := row.Attrs["owner"].(table.S)
	now := time.Now()
	l.mu.Lock()
	l.watch.Observe(map[string]int64{l.key: found}, now)
	free := string(holder) == l.owner || l.watch.Silent(l.key, now) >= leaseFor
	if l.holder = string(holder); free {
		l.holder = ""
	}
	l.mu.Unlock()
	if !free {
		return nil
	}
	return l.put(ctx, found)
}

// forget has the row watched from the beginning: one that was deleted counts from 1 again.
func (l *lease) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch.Reset()
}

// put writes the row over that of an epoch, 0 over none.
func (l *lease) put(ctx context.Context, over int64) error {
	began := time.Now()
	err := l.rows.Put(ctx, l.key, table.Map{"epoch": table.N(over + 1), "owner": table.S(l.owner)}, control.Revision(over))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		if l.epoch == 0 {
			l.since = began
		}
		l.epoch, l.renewed, l.holder = over+1, began, ""
	case errors.Is(err, table.ErrConditionFailed):
		l.epoch = 0 // another process has it, or this one's unanswered put: the next step reads
	default:
		return fmt.Errorf("write the lease %s of the feed: %w", l.key, err)
	}
	return nil
}

func (l *lease) giveBack(ctx context.Context, epoch int64) error {
	err := l.rows.Delete(ctx, l.key, table.N(epoch))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("give back the lease %s of the feed: %w", l.key, err)
	}
	l.mu.Lock()
	l.epoch = 0
	l.mu.Unlock()
	return nil
}

func epochOf(row table.Row) (int64, error) {
	epoch, ok := row.Attrs["epoch"].(table.N)
	if !ok {
		return 0, fmt.Errorf("the row %s %s of the control table has no epoch", row.PK, row.SK)
	}
	return int64(epoch), nil
}
