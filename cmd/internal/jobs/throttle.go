package jobs

import (
	"context"
	"errors"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// throttledMost is how long a throttled call is repeated. A new on-demand table of DynamoDB doubles
// its throughput within minutes.
const throttledMost = 2 * time.Minute

// retryThrottled repeats a call that was throttled or conflicted with a transaction: in both cases
// nothing was done.
func retryThrottled[T any](ctx context.Context, call func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, throttledMost)
	defer cancel()
	wait := backoff.Backoff{First: 20 * time.Millisecond, Most: 5 * time.Second}
	for {
		answer, err := call()
		if !isThrottled(err) || wait.Pause(ctx) != nil {
			return answer, err
		}
	}
}

// isThrottled reports whether a call failed in a way that repeating it may cure.
func isThrottled(err error) bool {
	return errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrConflict) || errors.Is(err, stream.ErrThrottled)
}

// throttledTable is a table whose throttled calls are repeated. Services have their own ways to
// wait; a job would end in the middle of its work.
type throttledTable struct{ table.Table }

// Get does what table.Table specifies.
func (t throttledTable) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	return retryThrottled(ctx, func() (table.Row, error) { return t.Table.Get(ctx, name, k, consistent) })
}

// Query does what table.Table specifies.
func (t throttledTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	return retryThrottled(ctx, func() (table.Page, error) { return t.Table.Query(ctx, q) })
}

// Scan does what table.Table specifies.
func (t throttledTable) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	return retryThrottled(ctx, func() (table.Page, error) { return t.Table.Scan(ctx, s) })
}

// Put does what table.Table specifies.
func (t throttledTable) Put(ctx context.Context, p table.Put) error {
	return t.write(ctx, func() error { return t.Table.Put(ctx, p) })
}

// PutEach does what table.Table specifies. It repeats the puts that were throttled, and no others.
func (t throttledTable) PutEach(ctx context.Context, puts []table.Put) []error {
	outcomes := table.Outcomes(len(puts), table.ErrThrottled)
	_ = t.write(ctx, func() error {
		var again []table.Put
		var places []int
		for i, err := range outcomes {
			if isThrottled(err) {
				again, places = append(again, puts[i]), append(places, i)
			}
		}
		if len(again) == 0 {
			return nil
		}
		for i, err := range t.Table.PutEach(ctx, again) {
			outcomes[places[i]] = err
		}
		return errors.Join(outcomes...)
	})
	return outcomes
}

// Delete does what table.Table specifies.
func (t throttledTable) Delete(ctx context.Context, name string, k table.Key, c table.Condition) error {
	return t.write(ctx, func() error { return t.Table.Delete(ctx, name, k, c) })
}

// Transact does what table.Table specifies.
func (t throttledTable) Transact(ctx context.Context, puts []table.Put) error {
	return t.write(ctx, func() error { return t.Table.Transact(ctx, puts) })
}

// write repeats a throttled call that returns only an error.
func (t throttledTable) write(ctx context.Context, call func() error) error {
	_, err := retryThrottled(ctx, func() (struct{}, error) { return struct{}{}, call() })
	return err
}
