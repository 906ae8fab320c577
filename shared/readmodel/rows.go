package readmodel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/table"
)

var (
	// ErrNoRow: the read model has no row of the account.
	ErrNoRow = errors.New("read model: no row")
	// ErrBehind: the row did not reach the version asked for in time. It is matched by a
	// *BehindError, which has the numbers.
	ErrBehind = errors.New("read model: projection behind")
)

// BehindError says how far a row is behind what was asked for.
type BehindError struct {
	// Version is the row's, 0 when there is none; Wanted what was asked for.
	Version, Wanted int64
}

// Error gives both versions.
func (e *BehindError) Error() string {
	return fmt.Sprintf("read model: projection behind: at v%d, wanted v%d", e.Version, e.Wanted)
}

// Is makes errors.Is(err, ErrBehind) hold.
func (e *BehindError) Is(target error) bool { return target == ErrBehind }

const (
	// overtakeWait is how long a read waits for the live generation to reach the one before it, or
	// about to follow it.
	overtakeWait = 2 * time.Second
	// A waiting read is woken by the projections of its process. For those of others it looks for
	// itself, from pollFirst on, with pauses that double up to pollMost.
	pollFirst = 20 * time.Millisecond
	pollMost  = 250 * time.Millisecond
)

// Rows is a read model's rows, for reading: always the live generation's. It may be used
// concurrently.
type Rows[S any] struct {
	table       table.Table
	model       Model[S]
	generations *generationCache
	arrivals    arrivals
}

// NewRows reads the rows of a model in t. Projections that are given it wake its waiting readers.
func NewRows[S any](t table.Table, m Model[S]) *Rows[S] {
	return &Rows[S]{table: t, model: m, generations: &generationCache{table: t, model: m.Name}}
}

// Load reads an account's row in a generation, consistently; ErrNoRow when there is none.
func (r *Rows[S]) Load(ctx context.Context, generation int64, a event.Account) (Row[S], error) {
	row, err := r.load(ctx, generation, a)
	if err == nil && row.Version == 0 {
		err = ErrNoRow
	}
	return row, err
}

// load is Load, where the zero row, or one that is only a marker, is not an error. A row that
// cannot be decoded is poison.
func (r *Rows[S]) load(ctx context.Context, generation int64, a event.Account) (Row[S], error) {
	raw, err := r.table.Get(ctx, r.model.Name, RowKey(generation, a), true)
	if errors.Is(err, table.ErrNotFound) {
		return Row[S]{Account: a}, nil
	}
	if err != nil {
		return Row[S]{}, fmt.Errorf("read %s of %s: %w", r.model.Name, a.ID, err)
	}
	row, err := r.model.decode(raw)
	if err != nil {
		a := raw.Attrs
		return Row[S]{}, &poisonError{a.Number("version") + 1, fmt.Errorf("%w: %w", errUnreadable, err), a.Number("rev")}
	}
	return row, nil
}

// Live is the generation that readers are given now.
func (r *Rows[S]) Live(ctx context.Context) (int64, error) {
	g, err := r.generations.get(ctx)
	return g.Live, err
}

// Get reads an account's row; ErrNoRow when there is none. Around a promotion it is never older
// than what any reader was given of the other generation: the read waits for the live one, up to 2
// seconds, and then is ErrBehind.
func (r *Rows[S]) Get(ctx context.Context, a event.Account) (Row[S], error) {
	row, least, err := r.current(ctx, a)
	if err == nil && row.Version < least {
		return r.await(ctx, a, least, overtakeWait)
	}
	if err == nil && row.Version == 0 {
		return row, ErrNoRow
	}
	return row, err
}

// Wait reads an account's row once it is at minVersion or beyond, and is ErrBehind, with the
// version that is there, when that takes longer than wait or ctx allows. A missing row is waited
// for too.
func (r *Rows[S]) Wait(ctx context.Context, a event.Account, minVersion int64, wait time.Duration) (Row[S], error) {
	if minVersion <= 0 {
		return r.Get(ctx, a)
	}
	return r.await(ctx, a, minVersion, wait)
}

// current reads the live row, and the least version that a reader may be given.
func (r *Rows[S]) current(ctx context.Context, a event.Account) (row Row[S], least int64, err error) {
	g, err := r.generations.get(ctx)
	if err != nil {
		return row, 0, err
	}
	// read first, so that the live row is the younger reading
	if heeded := g.heeded(); heeded != 0 {
		other, err := r.load(ctx, heeded, a)
		if err != nil {
			return row, 0, err
		}
		least = other.Version
	}
	row, err = r.load(ctx, g.Live, a)
	return row, least, err
}

// await reads until the row is at the version. It is woken by the projections of this process;
// between, and for those of others, it looks for itself.
func (r *Rows[S]) await(ctx context.Context, a event.Account, version int64, wait time.Duration) (Row[S], error) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	poll := backoff.Backoff{First: pollFirst, Most: pollMost}
	for first := true; ; first = false {
		woken, leave := r.arrivals.enter(a.String())
		row, least, err := r.current(ctx, a)
		// what others are given from now on is not waited for: the other generation may always be a
		// little ahead
		if first {
			version = max(version, least)
		}
		if err == nil && row.Version >= version {
			leave()
			return row, nil
		}
		if err != nil && ctx.Err() == nil {
			leave()
			return row, err
		}
		timer := time.NewTimer(poll.Next())
		late := false
		select {
		case <-woken:
		case <-timer.C:
		case <-deadline.C:
			late = true
		case <-ctx.Done():
			late = true
		}
		timer.Stop()
		leave()
		if late {
			return row, &BehindError{Version: row.Version, Wanted: version}
		}
	}
}

// arrivals wakes the readers that wait for an account's row.
type arrivals struct {
	waiting atomic.Int64
	mu      sync.Mutex
	waiters map[string]*waiters
}

type waiters struct {
	woken chan struct{}
	count int
}

// enter gives a channel that is closed at the account's next write. leave MUST be called.
func (a *arrivals) enter(account string) (woken <-chan struct{}, leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting.Add(1)
	if a.waiters == nil {
		a.waiters = map[string]*waiters{}
	}
	w := a.waiters[account]
	if w == nil {
		w = &waiters{woken: make(chan struct{})}
		a.waiters[account] = w
	}
	w.count++
	return w.woken, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.waiting.Add(-1)
		if w.count--; w.count == 0 && a.waiters[account] == w {
			delete(a.waiters, account)
		}
	}
}

// wake tells the readers of an account that its row was written. Mostly nobody waits, and then it
// costs one load.
func (a *arrivals) wake(account string) {
	if a.waiting.Load() == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.waiters[account]; w != nil {
		delete(a.waiters, account)
		close(w.woken)
	}
}
