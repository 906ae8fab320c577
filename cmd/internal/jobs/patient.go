package jobs

import (
	"context"
	"errors"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// patience is how long a call that a store refuses for load is repeated. A new table on demand
// doubles what it takes within minutes.
const patience = 2 * time.Minute

// patiently repeats a call that was refused for load or met a transaction: in both cases nothing
// was done.
func patiently[T any](ctx context.Context, call func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	wait := backoff.Backoff{First: 20 * time.Millisecond, Most: 5 * time.Second}
	for {
		answer, err := call()
		if !isBusy(err) || wait.Pause(ctx) != nil {
			return answer, err
		}
	}
}

func isBusy(err error) bool {
	return errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrConflict) || errors.Is(err, stream.ErrThrottled)
}

// patientTable is a table whose calls are made patiently. Services have their own ways to wait; a
// job would end in the middle of its work.
type patientTable struct{ table.Table }

// Get is table.Table's.
func (t patientTable) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	return patiently(ctx, func() (table.Row, error) { return t.Table.Get(ctx, name, k, consistent) })
}

// Query is table.Table's.
func (t patientTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	return patiently(ctx, func() (table.Page, error) { return t.Table.Query(ctx, q) })
}

// Scan is table.Table's.
func (t patientTable) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	return patiently(ctx, func() (table.Page, error) { return t.Table.Scan(ctx, s) })
}

// Put is table.Table's.
func (t patientTable) Put(ctx context.Context, p table.Put) error {
	return t.write(ctx, func() error { return t.Table.Put(ctx, p) })
}

// Delete is table.Table's.
func (t patientTable) Delete(ctx context.Context, name string, k table.Key, c table.Condition) error {
	return t.write(ctx, func() error { return t.Table.Delete(ctx, name, k, c) })
}

// Transact is table.Table's.
func (t patientTable) Transact(ctx context.Context, puts []table.Put) error {
	return t.write(ctx, func() error { return t.Table.Transact(ctx, puts) })
}

// write is patiently for a call that answers only with an error.
func (t patientTable) write(ctx context.Context, call func() error) error {
	_, err := patiently(ctx, func() (struct{}, error) { return struct{}{}, call() })
	return err
}
