package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/readmodel/rowcache"
	"passbook/shared/readmodel/waiting"
	"passbook/shared/table"
)

var (
	// ErrNoRow is the error of a read of an account that has no row.
	ErrNoRow = errors.New("read model: no row")
	// ErrBehind is the error of a read whose row did not reach the wanted version in time. The
	// error is a *BehindError, which has both versions.
	ErrBehind = errors.New("read model: projection behind")
)

// BehindError is how far a row is behind the wanted version. It matches ErrBehind.
type BehindError struct {
	// Version is the row's, 0 when there is none.
	Version, Wanted int64
}

// Error returns a text with both versions.
func (e *BehindError) Error() string {
	return fmt.Sprintf("read model: projection behind: at v%d, wanted v%d", e.Version, e.Wanted)
}

// Is reports whether target is ErrBehind.
func (e *BehindError) Is(target error) bool { return target == ErrBehind }

const (
	// overtakeWait bounds how long a read waits for the live generation to reach the row of the
	// fence generation.
	overtakeWait = 2 * time.Second
	// pollFirst and pollMost are the first and the longest pause between two reads of a reader that
	// waits for a projection of another process. Projections in its own process wake it.
	pollFirst = 20 * time.Millisecond
	pollMost  = 250 * time.Millisecond
)

// Rows reads the rows of a read model's live generation. It may be used concurrently.
type Rows[S any] struct {
	table       table.Table
	kept        *rowcache.Generations[Row[S]]
	model       Model[S]
	generations *generationCache
	waiting     waiting.Readers
}

// NewRows returns the rows of a model in t. A projection that is given them wakes their waiting
// readers. keep bounds the bytes of rows that each generation keeps in memory, for its projection
// and, where no other process writes the table, for the readers too; 0 is 64 MiB.
func NewRows[S any](t table.Table, m Model[S], keep int64) *Rows[S] {
	return &Rows[S]{
		table: t, kept: rowcache.NewGenerations[Row[S]](t, m.Name, keep), model: m,
		generations: &generationCache{table: t, model: m.Name},
	}
}

// Live returns the generation that readers get, at most half a second old.
func (r *Rows[S]) Live(ctx context.Context) (int64, error) {
	g, err := r.generations.get(ctx)
	return g.Live, err
}

// Get returns an account's row, or ErrNoRow. Around a promotion the row is never older than one
// that any reader got of the other generation: Get waits up to 2 seconds for the live one, and then
// returns ErrBehind.
func (r *Rows[S]) Get(ctx context.Context, a event.Account) (Row[S], error) {
	row, least, err := r.current(ctx, a)
	if err == nil && row.Version < least {
		return r.waitFor(ctx, a, least, overtakeWait)
	}
	if err == nil && row.Version == 0 {
		return row, ErrNoRow
	}
	return row, err
}

// Wait returns an account's row once it is at minVersion or beyond. If that takes longer than wait
// or ctx allows, it returns the row that is there and ErrBehind. It also waits for a row that does
// not exist yet.
func (r *Rows[S]) Wait(ctx context.Context, a event.Account, minVersion int64, wait time.Duration) (Row[S], error) {
	switch {
	case minVersion <= 0:
		return r.Get(ctx, a)
	case wait > 0:
		return r.waitFor(ctx, a, minVersion, wait)
	}
	row, least, err := r.current(ctx, a)
	version := max(minVersion, least)
	if err == nil && row.Version < version || err != nil && ctx.Err() != nil {
		err = &BehindError{Version: row.Version, Wanted: version}
	}
	return row, err
}

// Load returns an account's row of a generation, read consistently, or ErrNoRow.
func (r *Rows[S]) Load(ctx context.Context, generation int64, a event.Account) (Row[S], error) {
	row, err := r.load(ctx, generation, a)
	if err == nil && row.Version == 0 {
		err = ErrNoRow
	}
	return row, err
}

// read returns what load does, from memory where the row was not written since it was read.
func (r *Rows[S]) read(ctx context.Context, generation int64, a event.Account) (Row[S], error) {
	key := RowKey(generation, a)
	account, kept := accountOf(key), r.kept.Of(generation)
	row, stamp, known := kept.Read(account, key)
	if known {
		return row, nil
	}
	row, err := r.load(ctx, generation, a)
	if err == nil && row.Version > 0 {
		kept.Keep(account, key, row, stamp, r.model.bytes(&row))
	}
	return row, err
}

// load returns an account's row of a generation; the zero row if there is none. The error of a row
// that cannot be decoded is an *unprocessableError that wraps errUnreadable.
func (r *Rows[S]) load(ctx context.Context, generation int64, a event.Account) (row Row[S], err error) {
	raw, err := r.table.Get(ctx, r.model.Name, RowKey(generation, a), true)
	if errors.Is(err, table.ErrNotFound) {
		return Row[S]{Account: a}, nil
	}
	if err != nil {
		return row, fmt.Errorf("read %s of %s: %w", r.model.Name, a, err)
	}
	if row, err = r.model.decode(raw); err != nil {
		return Row[S]{}, &unprocessableError{
			version: raw.Attrs.Number("version") + 1, rev: raw.Attrs.Number("rev"), err: fmt.Errorf("%w: %w", errUnreadable, err),
		}
	}
	return row, nil
}

// current returns the live row, and the least version that a reader may get.
func (r *Rows[S]) current(ctx context.Context, a event.Account) (row Row[S], least int64, err error) {
	g, err := r.generations.get(ctx)
	if err != nil {
		return row, 0, err
	}
	// read first, so that the live row is the younger reading
	if fence := g.fence(); fence != 0 {
		other, err := r.read(ctx, fence, a)
		if err != nil {
			return row, 0, err
		}
		least = other.Version
	}
	row, err = r.read(ctx, g.Live, a)
	return row, least, err
}

// waitFor reads until the row is at a version. Projections of this process wake it; it polls for
// those of other processes.
func (r *Rows[S]) waitFor(ctx context.Context, a event.Account, version int64, wait time.Duration) (Row[S], error) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	poll := backoff.Backoff{First: pollFirst, Most: pollMost}
	for first := true; ; first = false {
		woken, unsubscribe := r.waiting.Subscribe(a.String())
		row, least, err := r.current(ctx, a)
		// what other readers get from now on does not count: the other generation may always be a
		// little ahead
		if first {
			version = max(version, least)
		}
		if err == nil && row.Version >= version {
			unsubscribe()
			return row, nil
		}
		if err != nil && ctx.Err() == nil {
			unsubscribe()
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
		unsubscribe()
		if late {
			return row, &BehindError{Version: row.Version, Wanted: version}
		}
	}
}
